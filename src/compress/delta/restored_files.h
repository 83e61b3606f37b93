// The files that a delta restores, read anywhere without being written: what they are made of is found in the plan, and
// only the blocks that are asked for are decoded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "compress/delta/delta_file.h"
#include "compress/delta/model_files.h"

namespace tidemill {

// Memory of one thread that reads; at most some megabytes.
struct DeltaScratch {
  std::vector<std::byte> base, block;
  std::unique_ptr<DeltaScratch> of_base;  // where the base is itself restored
};

// The files of the base that a plan speaks of, by its numbers.  All members may be called from several threads.
class BaseFiles {
 public:
  virtual ~BaseFiles() = default;

  // The bytes, in memory of the base or of `scratch`, valid until its next use.  Throws bad_file.
  virtual std::span<const std::byte> bytes(const BaseRange& range, DeltaScratch& scratch) const = 0;
  // They will not be read soon.
  virtual void release(const BaseRange& range) const = 0;
};

// A base on disk.
class MappedBase final : public BaseFiles {
 public:
  // `model` outlives this.  Throws bad_file where it lacks one of the plan's files, or one has another length: it is
  // not the base; `delta` is the delta's name, for messages.
  MappedBase(const ModelFiles& model, const DeltaPlan& plan, const std::string& delta);

  std::span<const std::byte> bytes(const BaseRange& range, DeltaScratch& scratch) const override;
  void release(const BaseRange& range) const override;
  // Of plan.base[index].
  const MappedFile* file(size_t index) const { return files_[index]; }

 private:
  std::vector<const MappedFile*> files_;  // null for an empty one
};

// Immutable, so that any threads may read, each with its own scratch.
class RestoredFiles {
 public:
  // Both outlive this.
  RestoredFiles(const DeltaFile& delta, const BaseFiles& base) : delta_(delta), base_(base) {}

  const DeltaFile& delta() const { return delta_; }
  // Bytes from `begin` on of plan().files[file], which has as many.  Throws bad_file, naming the tensor, where a code
  // is damaged.
  void read(size_t file, uint64_t begin, std::span<std::byte> out, DeltaScratch& scratch) const;
  // The bytes of the base behind such bytes will not be read soon.
  void release(size_t file, uint64_t begin, uint64_t n_bytes) const;

 private:
  void read_part(const PlanPart& part, uint64_t begin, std::span<std::byte> out, DeltaScratch& scratch) const;
  void read_packed(const PlanPart& part, uint64_t begin, std::span<std::byte> out, DeltaScratch& scratch) const;
  void read_moved(const PlanPart& part, uint64_t begin, std::span<std::byte> out, DeltaScratch& scratch) const;
  void read_blocks(const PlanPart& part, uint64_t begin, std::span<std::byte> out, DeltaScratch& scratch) const;
  void read_low_rank(const PlanPart& part, uint64_t begin, std::span<std::byte> out, DeltaScratch& scratch) const;
  void decode_block(const PlanPart& part, uint64_t index, std::span<std::byte> out, DeltaScratch& scratch) const;
  // Whether a block and the next one are ones of the block codec that can be decoded together.
  bool are_two(const PlanPart& part, uint64_t index) const;
  // Block `index`, of n_first bytes, and the next one.
  void decode_two_blocks(const PlanPart& part, uint64_t index, size_t n_first, std::span<std::byte> out,
                         DeltaScratch& scratch) const;
  [[noreturn]] void fail(const PlanPart& part, const std::string& why) const;

  const DeltaFile& delta_;
  const BaseFiles& base_;
};

// The files of a delta as the base of another one.
class RestoredBase final : public BaseFiles {
 public:
  // `files` outlive this.  Throws bad_file as MappedBase does, also where the content would be another.
  RestoredBase(const RestoredFiles& files, const DeltaPlan& plan, const std::string& delta);

  std::span<const std::byte> bytes(const BaseRange& range, DeltaScratch& scratch) const override;
  void release(const BaseRange& range) const override;

 private:
  const RestoredFiles& files_;
  std::vector<size_t> positions_;  // in the plan of `files`
};

}  // namespace tidemill
