// Runs a parsed template: statements in execute.cpp, expressions in evaluate.cpp, macros in macro.cpp.
#pragma once

#include "text/jinja/ast.h"
#include "text/jinja/frame.h"
#include "text/jinja/runtime.h"

namespace tidemill::jinja {

using FrameRef = std::shared_ptr<Frame>;

class Interpreter {
 public:
  // `variables` is a dict with what the template is given.  All three must outlive this.
  Interpreter(Runtime& runtime, const Template& parsed, const Dict& variables)
      : runtime_(runtime), template_(parsed), variables_(variables) {}

  std::string render();

  // The text of a macro; the arguments are matched as Jinja does it.  Called by Macro.
  Value call_macro(const MacroStatement& macro, const FrameRef& enclosing, const Arguments& arguments);

 private:
  // How a block ended: at its end, or with a loop to be left or taken up again.
  enum class Flow { next, break_loop, continue_loop };

  // What a loop needs to be called again by itself.
  struct Recursion {
    FrameRef enclosing = nullptr;  // nullptr: not recursive
    int n_around = 0;              // how many of its runs it is in
  };

  Flow execute(const Block& block, const FrameRef& frame, Text& out);
  Flow execute(const Statement& statement, const FrameRef& frame, Text& out);
  Flow execute_if(const IfStatement& node, const FrameRef& frame, Text& out);
  Flow execute_for(const ForStatement& node, const FrameRef& frame, Text& out);
  // Runs a loop in the frame of its body.
  Flow execute_loop(const ForStatement& node, const Value& iterable, const FrameRef& frame, Text& out,
                    const Recursion& recursion);
  // True when the body was run to its end at least once.
  bool run_loop(const ForStatement& node, const Value& iterable, const FrameRef& frame, Text& out,
                const Recursion& recursion);
  Value call_loop(const ForStatement& node, const FrameRef& enclosing, const Value& iterable, int n_around);
  Flow execute_assign_block(const AssignBlockStatement& node, const FrameRef& frame);
  Flow execute_filter_block(const FilterBlockStatement& node, const FrameRef& frame, Text& out);
  Flow execute_with(const WithStatement& node, const FrameRef& frame, Text& out);
  Flow execute_scope(const ScopeStatement& node, const FrameRef& frame, Text& out);
  void execute_call_block(const CallBlockStatement& node, const FrameRef& frame, Text& out);
  void define_macro(const MacroStatement& node, const FrameRef& frame);

  // Items of a loop that pass its condition.
  std::unique_ptr<Iterator> filtered(const ForStatement& node, const FrameRef& frame, const Value& iterable);

  void enter(const Scope& scope, Frame& frame);
  void leave(const Scope& scope, Frame& frame);
  void assign(const Target& target, Value value, Frame& frame);
  // What was assigned; a tuple target gives a tuple, whatever was unpacked.
  Value value_of(const Target& target, Frame& frame);
  Value& variable(const Variable& place, Frame& frame) const;
  Value look_up(const std::string& name) const;
  // Emits a block's result, which must be a text.
  static void append_block(Text& out, const Value& value);

  Value evaluate(const Expression& expression, const FrameRef& frame);
  Value evaluate_sequence(const SequenceExpression& node, const FrameRef& frame);
  Value evaluate_dict(const DictExpression& node, const FrameRef& frame);
  // `first` stands in for a missing first value; `caller`, when given, is an argument of the last link, a call.
  Value evaluate_postfix(const PostfixExpression& node, const FrameRef& frame, const Value* first, const Value* caller);
  Value apply(const Link& link, const Value& value, const FrameRef& frame, const Value* caller);
  Value evaluate_unary(const UnaryExpression& node, const FrameRef& frame);
  Value evaluate_arithmetic(const ArithmeticExpression& node, const FrameRef& frame);
  Value evaluate_comparison(const ComparisonExpression& node, const FrameRef& frame);
  Value evaluate_logic(const LogicExpression& node, const FrameRef& frame);
  Value evaluate_conditional(const ConditionalExpression& node, const FrameRef& frame);
  Arguments evaluate_arguments(const CallArguments& arguments, const FrameRef& frame);
  Value maybe(const ExpressionPtr& expression, const FrameRef& frame);
  bool relate(Relation relation, const Value& a, const Value& b);

  void use_fallbacks(const MacroStatement& macro, const FrameRef& frame);
  void bind_arguments(const MacroStatement& macro, Frame& frame, const Arguments& arguments);
  void bind_special(const MacroStatement& macro, Frame& frame, const Arguments& arguments,
                    std::vector<std::pair<std::string, Value>> named, bool has_caller);
  // Runs what has variables of its own: a macro or a recursive loop.
  template <typename Body>
  void in_new_frame(const FrameRef& enclosing, size_t n_slots, bool has_closures, const Body& body) {
    const DepthGuard guard(runtime_.call_depth, kMaxNesting, "calls of macros and loops");
    const int caller_line = runtime_.line;
    FrameRef frame = std::make_shared<Frame>(runtime_, n_slots, enclosing);
    runtime_.spend(static_cast<int64_t>(n_slots));
    try {
      body(frame);
    } catch (...) {
      runtime_.keep(std::move(frame));
      throw;
    }
    release(has_closures, std::move(frame));
    runtime_.line = caller_line;
  }
  void release(bool has_closures, FrameRef frame);

  Runtime& runtime_;
  const Template& template_;
  const Dict& variables_;
};

// A macro with the variables around it, or what a {% call %} block hands to the macro it calls.
class Macro : public Object {
 public:
  Macro(Interpreter& interpreter, const MacroStatement& statement, FrameRef enclosing)
      : interpreter_(interpreter), statement_(statement), enclosing_(std::move(enclosing)) {}

  std::string type_name() const override { return "Macro"; }
  std::string repr(Runtime& runtime) const override;
  std::optional<Value> attribute(Runtime& runtime, std::string_view name, const ObjectRef& self) override;
  bool callable() const override { return true; }
  Value call(Runtime&, const Arguments& arguments) override {
    return interpreter_.call_macro(statement_, enclosing_, arguments);
  }
  const FrameRef& enclosing() const { return enclosing_; }

 private:
  Interpreter& interpreter_;
  const MacroStatement& statement_;
  FrameRef enclosing_;
};

}  // namespace tidemill::jinja
