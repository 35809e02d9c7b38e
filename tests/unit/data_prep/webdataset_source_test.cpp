// Archives of samples, as WebDataset's writers lay them out.

#include "tests/unit/data_prep/source_fixture.h"

namespace bbg::data_prep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class WebDataset : public SourceTest {
 protected:
  // Packs files, in this order, into an archive.
  void pack(const std::string& archive,
            const std::vector<std::pair<std::string, std::string>>& files) const {
    std::string names;
    for (const auto& [name, content] : files) {
      write("parts/" + name, content);
      names += " '" + name + "'";
    }
    shell("mkdir -p \"$(dirname '" + archive + "')\" && tar --format=ustar -cf '" + archive +
          "' -C parts" + names + " && rm -r parts");
  }
};

TEST_F(WebDataset, SamplesComeByArchiveAndThenAsTheyLie) {
  pack("in/b.tar", {{"0.cls", "1"}, {"0.png", "b0"}});
  pack("in/a.tar", {{"9.jpg", "a9"},
                    {"9.cls", "2\n"},
                    {"9.txt", "a caption"},
                    {"x/1.seg.png", "mask"},
                    {"x/1.JPG", "a1"},
                    {"x/1.png", "no"},
                    {"x/1.cls", "0"}});
  const auto source = open_source({.input = folder_ / "in"});
  EXPECT_THAT(items_of(*source),
              ElementsAre(Item{"a.tar/9.jpg", 2, "a9"}, Item{"a.tar/x/1.JPG", 0, "a1"},
                          Item{"b.tar/0.png", 1, "b0"}));
  EXPECT_THAT(source->class_names(), ElementsAre("0", "1", "2"));
  EXPECT_EQ(source->description(), "WebDataset in (2 archives), labels of .cls");
  EXPECT_TRUE(source->is_shuffled_by_default());
  EXPECT_THAT(source->left_out(),
              ElementsAre(Pair(".txt", 1), Pair("further image of a sample", 2)));
  const auto list = open_source({.input = folder_ / "in/b.tar," + (folder_ / "in/a.tar")});
  EXPECT_EQ(items_of(*list), items_of(*source));
  EXPECT_EQ(open_source({.input = folder_ / "in/b.tar"})->size(), 1);
}

TEST_F(WebDataset, LabelsOfJsonAreNumbersOrNamesAndClsGoesBefore) {
  pack("a.tar", {{"0.jpg", "a"},
                 {"0.json", R"({"label": "cow", "width": 3})"},
                 {"1.json", R"({"cls": "ant"})"},
                 {"1.jpg", "b"},
                 {"2.json", R"({"label": "no"})"},
                 {"2.cls", "bee"},
                 {"2.jpg", "c"},
                 {"3.cls", "ant"},
                 {"3.json", R"({"label": "no"})"},
                 {"3.webp", "d"}});
  const auto source = open_source({.input = folder_ / "a.tar"});
  EXPECT_THAT(labels_of(*source), ElementsAre(2, 0, 1, 0));
  EXPECT_THAT(source->class_names(), ElementsAre("ant", "bee", "cow"));
  EXPECT_EQ(source->description(), "WebDataset a.tar, labels of .cls and .json");
  pack("b.tar", {{"0.jpg", "a"}, {"0.json", R"({"label": 1})"}});
  SourceRequest request{.input = folder_ / "b.tar"};
  EXPECT_THAT(open_source(request)->class_names(), ElementsAre("0", "1"));
  request.classes = write("classes.txt", "x\ny\nz\n");
  EXPECT_THAT(open_source(request)->class_names(), ElementsAre("x", "y", "z"));
  EXPECT_EQ(open_source(request)->label(0), 1);
}

TEST_F(WebDataset, WithoutAnyLabelsThereAreNoClasses) {
  pack("a.tar", {{"0.jpg", "a"}, {"1.jpg", "b"}, {"2.txt", "no image"}, {"._3.jpg", "no"}});
  SourceRequest request{.input = folder_ / "a.tar", .format = "webdataset"};
  const auto source = open_source(request);
  EXPECT_THAT(labels_of(*source), ElementsAre(-1, -1));
  EXPECT_TRUE(source->class_names().empty());
  EXPECT_EQ(source->description(), "WebDataset a.tar, without labels");
  EXPECT_THAT(source->left_out(), ElementsAre(Pair(".txt", 1), Pair("hidden file", 1),
                                              Pair("sample without image", 1)));
  request.classes = write("classes.txt", "x\n");
  EXPECT_THAT(refusal(request), HasSubstr("--classes names classes, and no sample of"));
  // Nothing says that these are samples.
  EXPECT_EQ(open_source({.input = folder_ / "a.tar"})->description(), "tar a.tar");
}

TEST_F(WebDataset, TheIndexKeepsLabelsToo) {
  pack("a.tar", {{"0.jpg", "a"}, {"0.cls", "1"}, {"1.jpg", "b"}, {"1.json", "{\"label\": 3}"}});
  pack("b.tar", {{"0.jpg", "a"}, {"0.cls", "2"}});
  const SourceRequest request{.input = folder_ / "a.tar," + (folder_ / "b.tar"),
                              .format = "webdataset",
                              .index_path = folder_ / "kept.index"};
  const auto expected = items_of(request);
  const std::string kept = test::read_file(folder_ / "kept.index");
  shell(
      "cp -p a.tar c.tar && head -c 512 /dev/zero | dd of=a.tar conv=notrunc status=none && "
      "touch -r c.tar a.tar");
  EXPECT_EQ(items_of(request), expected);
  // One archive that changed is read again, and the other is not.
  pack("b.tar", {{"0.jpg", "changed"}, {"0.cls", "2"}});
  EXPECT_EQ(std::get<2>(items_of(request).back()), "changed");
  EXPECT_NE(test::read_file(folder_ / "kept.index"), kept);
  // The index of a plain archive has no labels.
  SourceRequest plain = request;
  plain.input = folder_ / "b.tar";
  plain.format = "tar";
  open_source(plain);
  plain.format = "webdataset";
  EXPECT_THAT(labels_of(*open_source(plain)), ElementsAre(2));
}

TEST_F(WebDataset, RefusesSamplesThatDoNotFitTogether) {
  pack("a.tar", {{"0.jpg", "a"}, {"0.cls", "1"}, {"1.jpg", "b"}, {"2.jpg", "c"}, {"2.json", "{"}});
  EXPECT_THAT(refusal({.input = folder_ / "a.tar"}),
              HasSubstr("2 samples of " + (folder_ / "a.tar") +
                        " have no label; the first: a.tar/1.jpg / each needs a .cls, or a .json"));
  pack("b.tar", {{"0.cls", "1"}, {"1.cls", "2"}});
  EXPECT_THAT(refusal({.input = folder_ / "b.tar", .format = "webdataset"}),
              HasSubstr("no images in " + (folder_ / "b.tar") + ": no sample has a file"));
  pack("x/a.tar", {{"0.jpg", "a"}, {"0.cls", "1"}});
  pack("y/a.tar", {{"0.jpg", "a"}, {"0.cls", "1"}});
  EXPECT_THAT(refusal({.input = folder_ / "x/a.tar," + (folder_ / "y/a.tar")}),
              HasSubstr("two samples are named a.tar/0.jpg / give each archive a name"));
  EXPECT_THAT(refusal({.input = write("c", "x"), .format = "webdataset"}),
              HasSubstr("c is not a tar archive"));
}

}  // namespace
}  // namespace bbg::data_prep
