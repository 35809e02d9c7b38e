#include "data_prep/sources/tar_source.h"

#include <filesystem>

#include "core/error.h"
#include "data_prep/sources/archive_tree.h"
#include "data_prep/sources/archives.h"
#include "data_prep/sources/tar_images.h"

namespace bbg::data_prep {

namespace fs = std::filesystem;

namespace {

// One archive as it is, several as folders.
TarIndex put_together(std::vector<IndexedTar>& tars) {
  if (tars.size() == 1) return std::move(tars.front().index);
  TarIndex index;
  for (size_t i = 0; i < tars.size(); ++i) {
    const std::string folder = fs::path(tars[i].bytes->name()).stem().string();
    append_folder(index, tars[i].index, folder, 0, static_cast<uint32_t>(i));
    tars[i].index = {};
  }
  return index;
}

}  // namespace

std::unique_ptr<ImageSource> open_tar(const SourceRequest& request) {
  std::vector<std::string> paths = archives_of(request.input);
  if (paths.empty()) paths = {request.input};  // says what it is not
  std::vector<IndexedTar> tars = index_tars(paths, {}, "tar", request.index_path);
  ArchiveTree tree = find_images(put_together(tars));
  if (tree.images.size() == 0) {
    const std::string left_out = left_out_text(tree.left_out);
    throw core::UsageError("no images in " + request.input + ": no file inside ends in " +
                               kImageEndings +
                               (left_out.empty() ? "" : " (there are " + left_out + ")"),
                           "name an archive of images, or of one folder per class");
  }
  TarImages images;
  for (IndexedTar& tar : tars) images.archives.push_back(std::move(tar.bytes));
  images.classes = label_images(tree.images, tree.folders, request, tree.left_out);
  images.names = std::move(tree.images);
  images.files = std::move(tree.files);
  images.left_out = std::move(tree.left_out);
  images.description = "tar " + archives_text(request.input, paths);
  return make_tar_image_source(std::move(images));
}

}  // namespace bbg::data_prep
