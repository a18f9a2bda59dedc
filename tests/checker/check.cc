#include "tests/checker/check.h"

#include "tests/checker/append_time_check.h"
#include "tests/checker/batch_check.h"
#include "tests/checker/condition_check.h"
#include "tests/checker/content_check.h"
#include "tests/checker/final_check.h"
#include "tests/checker/outcome_check.h"
#include "tests/checker/producer_check.h"
#include "tests/checker/progress_check.h"
#include "tests/checker/read_order_check.h"
#include "tests/checker/real_time_check.h"
#include "tests/checker/version_order.h"

namespace kappa::checker {

Findings CheckHistory(const History& history, const CheckOptions& options) {
  Findings findings(options.kept_max);
  const VersionOrder order(history);
  ContentCheck(history, order, &findings).Run();
  OutcomeCheck(history, order, &findings).Run();
  BatchCheck(history, order, &findings).Run();
  FinalCheck(history, &findings).Run();
  ReadOrderCheck(history, &findings).Run();
  RealTimeCheck(history, order, &findings).Run();
  ConditionCheck(history, order, &findings).Run();
  ProducerCheck(history, order, &findings).Run();
  AppendTimeCheck(history, &findings).Run();
  ProgressCheck(history, options.progress_us, &findings).Run();
  return findings;
}

}  // namespace kappa::checker
