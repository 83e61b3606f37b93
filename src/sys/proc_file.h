// Small text files that the kernel makes up: /proc and the cgroup folders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill {

// The content of `path`; nothing when it cannot be read or is longer than 4 MiB.
std::optional<std::string> read_proc_file(const std::string& path);

// The rest of the first line of `text` that begins with `key`, without the blanks around it; nothing when there is
// none.
//   line_after("MemFree: 12 kB\n", "MemFree:") is "12 kB"
std::optional<std::string_view> line_after(std::string_view text, std::string_view key);

// The number at the start of `text`, blanks skipped; nothing when there is none or it does not fit.
std::optional<int64_t> leading_number(std::string_view text);

}  // namespace tidemill
