// tidemill serve: models behind OpenAI's protocol.
#include <cstdio>
#include <functional>
#include <mutex>
#include <optional>

#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/progress.h"
#include "cli/serve_options.h"

namespace tidemill::cli {
namespace {

// A progress bar between the server's lines; both come from several threads.
class Bar {
 public:
  void update(double share) {
    const std::lock_guard lock(mutex_);
    if (!shown_) shown_.emplace("loading");
    shown_->update(share);
    if (share >= 1) shown_.reset();
  }
  void make_way(const std::function<void()>& print) {
    const std::lock_guard lock(mutex_);
    shown_.reset();
    print();
  }

 private:
  std::mutex mutex_;
  std::optional<Progress> shown_;
};

int run(const Arguments& given) {
  const Arguments arguments = with_config_file(given);
  if (arguments.flag("--print-config")) return std::fputs(write_config(arguments, serve_options()).c_str(), stdout) < 0;
  serve::ServerOptions options = server_options(arguments);
  if (arguments.flag("--check")) {
    serve::check(options);
    return std::puts("these options can be served") < 0;
  }
  Bar bar;
  options.engine.on_progress = [&](double share) { bar.update(share); };
  options.on_line = [&, print = options.on_line](const std::string& line) { bar.make_way([&] { print(line); }); };
  serve::serve(options);
  return 0;
}

}  // namespace

const Command kServe = {.name = "serve",
                        .summary = "Serve models over OpenAI's protocol",
                        .usage = "MODEL [options]",
                        .examples =
                            "  tidemill serve gemma3-270m\n"
                            "  tidemill serve --model small=gemma3-270m --model big=llama.gguf --port 8000\n"
                            "  tidemill serve model.gguf --host 0.0.0.0 --api-key-file keys.txt\n"
                            "  tidemill serve --config server_config.toml --port 8000\n"
                            "  curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' \\\n"
                            "    -d '{\"prompt\": \"The tide mill stood\", \"max_tokens\": 32}'\n",
                        .options = serve_options(),
                        .max_positionals = 1,
                        .run = run};

}  // namespace tidemill::cli
