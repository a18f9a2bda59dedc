// Breach: the first property that did not hold in a run.
#ifndef KAPPA_TESTS_SIMULATION_BREACH_H_
#define KAPPA_TESTS_SIMULATION_BREACH_H_

#include <string>
#include <utility>

namespace kappa::simulation {

// Thread safety: thread-compatible.
class Breach {
 public:
  bool found() const { return !text_.empty(); }
  const std::string& text() const { return text_; }
  // Later ones follow from the first and are forgotten.
  void Report(std::string text) {
    if (text_.empty()) text_ = std::move(text);
  }

 private:
  std::string text_;
};

}  // namespace kappa::simulation

#endif  // KAPPA_TESTS_SIMULATION_BREACH_H_
