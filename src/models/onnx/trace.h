// Trace: all that a graph made of one short text, to find out what its nodes are for.
//
// What depends on nothing but the text's length (masks, positions, shapes, scales) has its value here, however many
// nodes an exporter needed for it; only what depends on the ids themselves has to be understood node by node.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/onnx/outline.h"

namespace tidemill::onnx {

class Trace {
 public:
  // Runs the graph up to its hidden states for a text of `ids`, all of type 0.
  Trace(std::shared_ptr<const OnnxFile> file, const Outline& outline, std::span<const int32_t> ids);

  const OnnxGraph& graph() const { return program_.file().graph(); }
  const Value& value(OnnxValue value) const;
  // The node that makes a value; null for inputs and initialisers.
  const OnnxNode* maker(OnnxValue value) const;
  // Its node, if that is of this kind.
  const OnnxNode* maker(OnnxValue value, std::string_view op) const;
  // Whether a value depends on the ids or types of the tokens.
  bool depends(OnnxValue value) const { return depends_[value]; }

  // The initialiser that a value is; kNoOnnxValue when it is none.
  OnnxValue initializer(OnnxValue value) const;
  const std::string& name(OnnxValue value) const { return graph().values[value]; }

  // Where a value comes from, past nodes that change nothing of its rows: casts between floats, sums with zeros,
  // choices that are always the same, other shapes with the same last axis.
  OnnxValue source(OnnxValue value) const;
  // The input of a sum, product or quotient that depends on the text, where the other does not; sets `known` to that.
  OnnxValue varying(const OnnxNode& node, OnnxValue& known) const;

 private:
  OnnxValue past(const OnnxNode& node) const;

  Program program_;
  Budget budget_;
  std::vector<Value> values_;
  std::vector<const OnnxNode*> makers_;
  std::vector<bool> depends_;
};

// Whether all elements of a real value are `x`.
bool is_all(const Value& value, float x);

}  // namespace tidemill::onnx
