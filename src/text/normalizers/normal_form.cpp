// NFC, NFD, NFKC, NFKD.  Unicode Standard Annex #15; the order of the steps, which offsets depend on, is that of
// unicode-normalization-alignments: decompose, sort marks, compose, each character knowing whether it is new.
//
// Runs of inert characters are passed over.  What is between them goes through the steps character by character.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "text/normalizers/normalizers.h"
#include "text/text_edit.h"
#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"

namespace tidemill {
namespace {

using unicode::Flag;

struct FormTraits {
  Flag inert;
  char32_t first_not_inert;
  bool composes;
  bool compatible;
};

FormTraits traits_of(NormalForm form) {
  switch (form) {
    case NormalForm::nfc:
      return {Flag::nfc_inert, 0x300, true, false};
    case NormalForm::nfd:
      return {Flag::nfd_inert, 0xC0, false, false};
    case NormalForm::nfkc:
      return {Flag::nfkc_inert, 0xA0, true, true};
    case NormalForm::nfkd:
      break;
  }
  return {Flag::nfkd_inert, 0xA0, false, true};
}

// A character on its way into the edit.  n_old: how many characters of the old text it takes the place of, itself
// counted; 0 or less for one that is added.
struct Emitted {
  char32_t c;
  int n_old;
};

// What writes characters into the edit, in order.
class Writer {
 public:
  explicit Writer(TextEdit& edit) : edit_(edit) {}

  void write(Emitted e) {
    if (e.n_old <= 0) {
      edit_.insert(Utf8Character(e.c));
      return;
    }
    edit_.replace(Utf8Character(e.c));
    for (int k = 1; k < e.n_old; ++k) edit_.drop(utf8_size(edit_.source()[edit_.position()]));
  }

 private:
  TextEdit& edit_;
};

// Joins what the decomposition gives into primary composites.
class Composer {
 public:
  explicit Composer(Writer& writer) : writer_(writer) {}

  void add(Emitted e, uint8_t combining_class) {
    if (!has_starter_) {
      if (combining_class != 0) return writer_.write(e);
      return start(e);
    }
    const bool blocked = !marks_.empty() && last_class_ >= combining_class;
    const char32_t composite = blocked ? 0 : unicode::compose(starter_.c, e.c);
    if (composite != 0) {
      starter_ = {composite, starter_.n_old + e.n_old};
    } else if (combining_class == 0) {
      flush();
      start(e);
    } else {
      marks_.push_back(e);
      last_class_ = combining_class;
    }
  }

  void flush() {
    if (!has_starter_) return;
    writer_.write(starter_);
    for (const Emitted& mark : marks_) writer_.write(mark);
    marks_.clear();
    has_starter_ = false;
  }

 private:
  void start(Emitted e) {
    starter_ = e;
    has_starter_ = true;
  }

  Writer& writer_;
  Emitted starter_{};
  bool has_starter_ = false;
  std::vector<Emitted> marks_;  // behind the starter, not composed with it
  uint8_t last_class_ = 0;      // of marks_.back()
};

// Decomposes characters and puts the marks of each starter into canonical order.
class Decomposer {
 public:
  Decomposer(const FormTraits& traits, TextEdit& edit) : traits_(traits), writer_(edit), composer_(writer_) {}

  void add(char32_t c) {
    if (unicode::is_hangul_syllable(c)) {
      const auto letters = unicode::decompose_hangul(c);
      push(letters[0], 1);
      push(letters[1], 0);
      if (letters[2] != 0) push(letters[2], 0);
      return;
    }
    const auto parts = traits_.compatible ? unicode::compatible_decomposition(c) : unicode::canonical_decomposition(c);
    if (parts.empty()) return push(c, 1);
    int n_old = 1;
    for (const char32_t part : parts) {
      push(part, n_old);
      n_old = 0;
    }
  }

  void flush() {
    flush_marks();
    if (traits_.composes) composer_.flush();
  }

 private:
  struct Pending {
    Emitted e;
    uint8_t combining_class;
  };

  void push(char32_t c, int n_old) {
    const Pending pending{{c, n_old}, unicode::properties(c).combining_class()};
    if (pending.combining_class != 0) {
      marks_.push_back(pending);
      return;
    }
    flush_marks();
    pass_on(pending);
  }

  void flush_marks() {
    if (marks_.empty()) return;
    const auto before = [](const Pending& x, const Pending& y) { return x.combining_class < y.combining_class; };
    if (!std::is_sorted(marks_.begin(), marks_.end(), before)) sort_marks();
    for (const Pending& mark : marks_) pass_on(mark);
    marks_.clear();
  }

  // By class, keeping the order within one; linear, however many there are.
  void sort_marks() {
    std::array<size_t, 257> next{};  // where the next mark of each class goes
    for (const Pending& mark : marks_) ++next[mark.combining_class + size_t{1}];
    for (size_t k = 1; k < next.size(); ++k) next[k] += next[k - 1];
    std::vector<Pending> sorted(marks_.size());
    for (const Pending& mark : marks_) sorted[next[mark.combining_class]++] = mark;
    marks_ = std::move(sorted);
  }

  void pass_on(const Pending& p) {
    if (traits_.composes) {
      composer_.add(p.e, p.combining_class);
    } else {
      writer_.write(p.e);
    }
  }

  FormTraits traits_;
  Writer writer_;
  Composer composer_;
  std::vector<Pending> marks_;
};

class NormalFormNormalizer : public Normalizer {
 public:
  explicit NormalFormNormalizer(NormalForm form) : traits_(traits_of(form)) {}

  void apply(NormalizedText& text) const override {
    const std::string_view source = text.text();
    size_t begin = find_active(source, 0, 0);
    if (begin == source.size()) return;
    TextEdit edit(text);
    Decomposer decomposer(traits_, edit);
    while (begin < source.size()) {
      edit.keep_until(begin);
      size_t pos = begin;
      size_t next;
      do {
        next = pos;
        decomposer.add(next_code_point(source, next));
        pos = next;
      } while (pos < source.size() && (pos == begin || !is_inert(source, pos)));
      decomposer.flush();
      begin = find_active(source, pos, pos);
    }
    edit.finish();
  }

  // White space combines with nothing in any form, and marks are not sorted across it.
  WordBounds word_bounds() const override { return WordBounds::respected; }

 private:
  bool is_inert(std::string_view source, size_t pos) const {
    const char32_t c = next_code_point(source, pos);
    return c < traits_.first_not_inert || unicode::has(c, traits_.inert);
  }

  // Where the next characters begin that may change: at a starter that marks may compose with, but not before `low`.
  size_t find_active(std::string_view source, size_t pos, size_t low) const {
    while (true) {
      pos = skip_ascii(source, pos);
      if (pos == source.size()) return pos;
      if (!is_inert(source, pos)) break;
      pos += utf8_size(source[pos]);
    }
    return traits_.composes && pos > low ? previous_start(source, pos) : pos;
  }

  FormTraits traits_;
};

}  // namespace

NormalizerPtr make_normal_form(NormalForm form) {
  return std::make_unique<NormalFormNormalizer>(form);
}

}  // namespace tidemill
