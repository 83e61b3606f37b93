// PagePool: pages of state memory, each used by one sequence or by several that begin alike.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "tensor/storage.h"

namespace tidemill {

class PagePool {
  struct Slot {
    std::byte* data;
    PagePool* pool;
    std::atomic<int64_t> n_users = 0;
    bool was_used = false;
  };

 public:
  // Of pages of `page_bytes`, which the system gives when they are first taken.  Who takes them bounds their number.
  explicit PagePool(int64_t page_bytes) : page_bytes_(page_bytes) {}

  // One user's share of a page; a copy is another user's.  The pool outlives its pages.
  class Page {
   public:
    Page() = default;
    Page(const Page& other) : slot_(other.slot_) {
      if (slot_ != nullptr) ++slot_->n_users;
    }
    Page(Page&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
    Page& operator=(Page other) noexcept {
      std::swap(slot_, other.slot_);
      return *this;
    }
    ~Page() {
      if (slot_ != nullptr && --slot_->n_users == 0) slot_->pool->give_back(slot_);
    }

    explicit operator bool() const { return slot_ != nullptr; }
    std::byte* data() const { return slot_->data; }
    // Who writes to a shared page writes into other sequences, too.
    bool is_shared() const { return slot_->n_users > 1; }

   private:
    friend PagePool;
    explicit Page(Slot* slot) : slot_(slot) { slot_->n_users = 1; }
    Slot* slot_ = nullptr;
  };

  // A page of undefined content.  Throws out_of_memory when the system refuses.  Thread-safe.
  Page take();

  int64_t page_bytes() const { return page_bytes_; }
  int64_t n_used() const;  // by anybody
  // Pages by who uses them; takes a time that grows with their number.
  struct Counts {
    int64_t n_used = 0;
    int64_t n_shared = 0;  // of those, the ones that several use
    int64_t n_free = 0;    // taken from the system for sequences to come
    int64_t n_takes = 0;   // calls of take() since the start
    int64_t n_reuses = 0;  // of those, the ones that gave a page that had been given back
  };
  Counts counts() const;
  int64_t taken_bytes() const;  // from the system

 private:
  void give_back(Slot* slot);
  void grow();

  int64_t page_bytes_;
  mutable std::mutex mutex_;
  std::vector<Storage> blocks_;  // each of some pages, large enough for huge pages of the system
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;  // lately used last
  int64_t n_takes_ = 0, n_reuses_ = 0;
};

}  // namespace tidemill
