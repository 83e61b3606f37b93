// tidemill: the command line.  Results on stdout, progress and errors on stderr; exit status as in
// tidemill::exit_status.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "tidemill/error.h"
#include "tidemill/suggest.h"
#include "tidemill/system.h"

namespace tidemill::cli {
namespace {

std::string overview() {
  std::string text = "tidemill " + std::string(version()) +
                     ": runs language models on this machine's processor\n\n"
                     "Examples:\n"
                     "  tidemill run gemma3-270m --prompt \"The tide mill stood\"\n"
                     "  tidemill info model.gguf\n"
                     "  echo \"some text\" | tidemill run gemma3-270m --prompt - -n 50\n"
                     "\nUsage: tidemill COMMAND MODEL [options]\n\nCommands:\n";
  for (const Command* command : commands())
    text += "  " + std::string(command->name) + std::string(12 - command->name.size(), ' ') +
            std::string(command->summary) + "\n";
  return text +
         "\ntidemill COMMAND --help tells more.  Exit status: 0 done, 1 failed, 2 wrong usage, 3 bad or "
         "unsupported file,\n4 not enough memory, 130 interrupted.\n";
}

const Command& find_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command* command : commands()) {
    if (command->name == name) return *command;
    names.emplace_back(command->name);
  }
  const std::string nearest = nearest_word(name, names);
  throw Error(ErrorCode::invalid_argument,
              "'" + name + "': no such command; " +
                  (nearest.empty() ? "see tidemill --help" : "did you mean '" + nearest + "'?"));
}

// The one that the next word names, or null.
const Command* find_subcommand(const Command& command, std::span<const char* const> words) {
  if (words.empty()) return nullptr;
  const std::string name = std::string(command.name) + " " + words[0];
  for (const Command* subcommand : command.subcommands)
    if (subcommand->name == name) return subcommand;
  return nullptr;
}

int dispatch(std::span<const char* const> words) {
  if (words.empty()) {
    std::fputs(overview().c_str(), stderr);
    return exit_status(ErrorCode::invalid_argument);
  }
  const std::string name = words[0];
  if (name == "--help" || name == "-h" || name == "help") return std::fputs(overview().c_str(), stdout) < 0;
  if (name == "--version") return std::printf("tidemill %s\n", version()) < 0;
  const Command* command = &find_command(name);
  auto rest = words.subspan(1);
  while (const Command* const subcommand = find_subcommand(*command, rest)) {
    command = subcommand;
    rest = rest.subspan(1);
  }
  const auto asks_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (std::any_of(rest.begin(), rest.end(), asks_help)) return std::fputs(help_text(*command).c_str(), stdout) < 0;
  const int status = command->run(Arguments(*command, rest));
  // A full disk or a closed pipe shows only now.
  if (std::fflush(stdout) != 0) throw Error(ErrorCode::io, "standard output: cannot be written; is the disk full?");
  return status;
}

int report(const std::string& message, int status) {
  std::fprintf(stderr, "error: %s\n", printable(message).c_str());
  return status;
}

}  // namespace
}  // namespace tidemill::cli

int main(int argc, char** argv) {
  using namespace tidemill;
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error like a full disk, not the end
  try {
    return cli::dispatch({argv + 1, static_cast<size_t>(argc > 0 ? argc - 1 : 0)});
  } catch (const Error& error) {
    return cli::report(error.what(), exit_status(error.code()));
  } catch (const std::bad_alloc&) {
    return cli::report("memory: not enough; use a smaller model or a shorter context (--ctx)",
                       exit_status(ErrorCode::out_of_memory));
  } catch (const std::exception& error) {
    return cli::report(std::string("internal: ") + error.what(), exit_status(ErrorCode::internal));
  }
}
