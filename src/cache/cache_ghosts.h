// CacheGhosts: which keys have left a cache not long ago, by their tags alone.
//
// A table in buckets of four (Yang et al. 2023, section 4.2): each place holds a tag and when it came, counted in
// additions, so that forgetting costs nothing.  Two keys of the same tag are taken for one, which costs a place in the
// wrong queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemill {

class CacheGhosts {
 public:
  // Remembers a tag until `n_kept` more have come.
  void add(uint32_t tag, size_t n_kept);
  // Whether the tag was among the last `n_kept`, and forgets it.
  bool take(uint32_t tag, size_t n_kept);

 private:
  static constexpr size_t kBucket = 4;
  struct Place {
    uint32_t tag = 0;
    uint32_t time = 0;  // 0: free
  };
  Place* bucket(uint32_t tag) { return places_.data() + (uint64_t{tag} * n_buckets_ >> 32) * kBucket; }
  uint32_t age(const Place& place) const { return place.time == 0 ? UINT32_MAX : now_ - place.time; }
  void put(Place place);
  void grow(size_t n_kept);

  std::vector<Place> places_;
  size_t n_buckets_ = 0;
  uint32_t now_ = 0;
};

}  // namespace tidemill
