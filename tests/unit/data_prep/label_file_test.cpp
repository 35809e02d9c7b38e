// Files of labels, of classes and of WordNet ids, with a folder of empty images.

#include "tests/unit/data_prep/source_fixture.h"

namespace bbg::data_prep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class LabelFile : public SourceTest {
 protected:
  // The images a.jpg, b c.png and sub/d.JPEG.
  LabelFile() {
    for (const char* name : {"a.jpg", "b c.png", "sub/d.JPEG"}) {
      write(std::string("in/") + name, "x");
    }
  }
  SourceRequest with(const std::string& labels, const std::string& classes = "",
                     const std::string& synsets = "") const {
    SourceRequest request{.input = folder_ / "in"};
    request.labels = write("labels.txt", labels);
    if (!classes.empty()) request.classes = write("classes.txt", classes);
    if (!synsets.empty()) request.synsets = write("synsets.txt", synsets);
    return request;
  }
  std::vector<int64_t> labels(const SourceRequest& request) const {
    const auto source = open_source(request);
    class_names_ = source->class_names();
    return labels_of(*source);
  }
  mutable std::vector<std::string> class_names_;
};

TEST_F(LabelFile, SeparatorsAreTabCommaAndBlanks) {
  for (const char* text :
       {"a.jpg\tx\nb c.png\ty z\nsub/d.JPEG\tx\n", "sub/d.JPEG,x\r\nb c.png,y z\r\na.jpg,x",
        "\"a.jpg\" x\n\"b c.png\"   \"y z\"\n\n  sub/d.JPEG x  \n",
        "\xef\xbb\xbfImageId,PredictionString\na,x 1 2 3 4\n\"b c\",\"y z\"\nd,x\n"}) {
    const bool is_prediction = std::string(text).find("Pred") != std::string::npos;
    EXPECT_THAT(labels(with(text)), ElementsAre(0, 1, 0)) << text;
    EXPECT_THAT(class_names_, ElementsAre("x", is_prediction ? "y" : "y z")) << text;
  }
}

TEST_F(LabelFile, ImagesAreNamedByPathOrLastPartWithOrWithoutEnd) {
  for (const char* name : {"sub/d.JPEG", "./sub/d.JPEG", "sub/d", "d.JPEG", "d"}) {
    const std::string text = "a,0\nb c,2\n" + std::string(name) + ",1\n";
    EXPECT_THAT(labels(with(text)), ElementsAre(0, 2, 1)) << name;
  }
  EXPECT_THAT(class_names_, ElementsAre("0", "1", "2"));
}

TEST_F(LabelFile, NumbersAreThemselvesAndClassesWithoutImagesKeepTheirs) {
  EXPECT_THAT(labels(with("a,4\nb c,4\nd,0\nabsent,6\n")), ElementsAre(4, 4, 0));
  EXPECT_THAT(class_names_, ElementsAre("0", "1", "2", "3", "4", "5", "6"));
  EXPECT_THAT(labels(with("a,cow\nb c,bee\nd,cow\nabsent,ant\n")), ElementsAre(2, 1, 2));
  EXPECT_THAT(class_names_, ElementsAre("ant", "bee", "cow"));
  EXPECT_EQ(open_source(with("a,4\nb c,4\nd,0\nabsent,6\n"))->left_out().at("label without image"),
            1);
}

TEST_F(LabelFile, ClassesGiveNumbersAndOrder) {
  const std::string classes = "zebra\nn01 ant, emmet\nbee\nn02 bee\n";
  EXPECT_THAT(labels(with("a,bee\nb c,n01\nd,n02 bee\n", classes)), ElementsAre(2, 1, 3));
  EXPECT_THAT(class_names_, ElementsAre("zebra", "n01 ant, emmet", "bee", "n02 bee"));
  EXPECT_THAT(labels(with("3\n0\n0\n", classes)), ElementsAre(3, 0, 0));
  EXPECT_THAT(refusal(with("a,4\nb c,0\nd,0\n", classes)),
              HasSubstr("labels.txt has the label 4, and " + (folder_ / "classes.txt") +
                        " has the classes 0 to 3"));
  EXPECT_THAT(refusal(with("a,cat\nb c,0\nd,0\n", classes)),
              HasSubstr("classes.txt has no class cat, which "));
  EXPECT_THAT(refusal(with("1\n1\n1\n", "a\n\nb\n")),
              HasSubstr("classes.txt, line 2: it is empty"));
  EXPECT_THAT(refusal(with("1\n1\n1\n", "a\na\n")), HasSubstr("line 2: a comes again"));
}

// Numbers that are names of classes mean those.
TEST_F(LabelFile, AClassNamedByANumberGoesBeforeTheNumber) {
  EXPECT_THAT(labels(with("7\n0\n1\n", "1\n0\n7\n")), ElementsAre(2, 1, 0));
}

TEST_F(LabelFile, SubFoldersGetTheNumbersOfClasses) {
  for (const char* name : {"n02/a.jpg", "n01/b.jpg", "n02/c.jpg"}) {
    write(std::string("of classes/") + name, "x");
  }
  SourceRequest request{.input = folder_ / "of classes"};
  request.classes = write("classes.txt", "n03\nn02 bee\nn01\n");
  EXPECT_THAT(labels(request), ElementsAre(2, 1, 1));
  EXPECT_THAT(class_names_, ElementsAre("n03", "n02 bee", "n01"));
  request.classes = write("classes.txt", "n03\nn02\n");
  EXPECT_THAT(refusal(request), HasSubstr("has no class n01, which folder n01 has"));
}

TEST_F(LabelFile, IdsOfTheChallengeBecomePlacesOfSortedSynsets) {
  const std::string synsets = "n30 1 kit fox\nn10 2 dog\nn20 3 cat\n";
  EXPECT_THAT(labels(with("2\n1\n3\n", "", synsets)), ElementsAre(0, 2, 1));
  EXPECT_THAT(class_names_, ElementsAre("n10", "n20", "n30"));
  EXPECT_THAT(labels(with("n30\nn30\nn20\n", "", synsets)), ElementsAre(2, 2, 1));
  EXPECT_THAT(labels(with("a n10\n\"b c\" 1\nd 3", "", synsets)), ElementsAre(0, 2, 1));
  EXPECT_THAT(labels(with("2\n1\n3\n", "n20 cat\nn30\nn10\n", synsets)), ElementsAre(2, 1, 0));
  EXPECT_THAT(labels(with("n30\nn30\nn20\n")), ElementsAre(1, 1, 0));
  for (const char* number : {"0", "4"}) {
    EXPECT_THAT(refusal(with(std::string("1\n2\n") + number, "", synsets)),
                HasSubstr(std::string("has the label ") + number + ", and " +
                          (folder_ / "synsets.txt") + " has the lines 1 to 3"));
  }
  std::string sorted;
  for (int i = 0; i < 1000; ++i) sorted += "n" + std::to_string(10000 + i) + "\n";
  EXPECT_THAT(refusal(with("1\n2\n3\n", "", sorted)), HasSubstr("is in the order of WordNet ids"));
}

TEST_F(LabelFile, NumbersAloneNeedToBeSaidWhatTheyMean) {
  EXPECT_THAT(refusal(with("2\n1\n3\n")), HasSubstr("labels.txt has numbers alone, which do not"));
}

TEST_F(LabelFile, LinesThatFitNoImageOrSeveralAreRefused) {
  EXPECT_THAT(refusal(with("a,x\nb c,y\n")),
              HasSubstr("labels.txt has no label for 1 of 3 images; the first: sub/d.JPEG"));
  EXPECT_THAT(refusal(with("x\ny\n")), HasSubstr("has 2 labels, and there are 3 images"));
  EXPECT_THAT(refusal(with("a,x\na,y\nb c,x\nd,x\n")), HasSubstr("names an image more than once"));
  EXPECT_THAT(refusal(with("a,x,y\n")), HasSubstr("labels.txt, line 1: it has 3 fields, not two"));
  EXPECT_THAT(refusal(with("b c.png x\n")), HasSubstr("line 1: it has 3 fields, not two"));
  EXPECT_THAT(refusal(with("a,x\nb\n")), HasSubstr("line 2: it differs from those before"));
  EXPECT_THAT(refusal(with("a,x\nb c,\n")), HasSubstr("line 2: it has no label"));
  EXPECT_THAT(refusal(with("a,20260101\nb c,1\nd,1\n")),
              HasSubstr("numbers of classes end at 999"));
  EXPECT_THAT(refusal(with("\n\n")), HasSubstr("labels.txt is empty"));
  write("in/other/d.JPEG", "x");
  EXPECT_THAT(refusal(with("a,x\nb c,x\nd,y\n")),
              HasSubstr("line 3: it means both other/d.JPEG and sub/d.JPEG"));
}

TEST_F(LabelFile, OptionsThatNeedEachOtherAreRefusedAlone) {
  write("flat/a.jpg", "x");
  const std::string list = write("list.txt", "a\n");
  EXPECT_THAT(refusal({.input = folder_ / "flat", .synsets = list}),
              StartsWith("--synsets says what the numbers of --labels mean"));
  EXPECT_THAT(refusal({.input = folder_ / "flat", .classes = list}),
              StartsWith("--classes needs classes"));
  EXPECT_THAT(refusal({.input = folder_ / "flat", .labels = folder_ / "absent"}),
              HasSubstr("absent does not exist"));
}

}  // namespace
}  // namespace bbg::data_prep
