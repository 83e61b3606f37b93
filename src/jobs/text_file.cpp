#include "jobs/text_file.h"

namespace tidemill {

std::unique_ptr<TextFile> open_text_file(const JobFile& file, const TextColumns& columns) {
  switch (file.kind) {
    case TextKind::json_lines:
      return open_json_lines(file, columns);
    case TextKind::parquet:
      return open_parquet_texts(file, columns);
    case TextKind::plain_lines:
      break;
  }
  return open_plain_lines(file, columns);
}

}  // namespace tidemill
