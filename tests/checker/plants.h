// Plant: puts one anomaly of a kind into a legal history.
#ifndef KAPPA_TESTS_CHECKER_PLANTS_H_
#define KAPPA_TESTS_CHECKER_PLANTS_H_

#include "tests/checker/anomaly.h"
#include "tests/checker/planted_history.h"

namespace kappa::checker {

// Changes the history so that it shows an anomaly of this kind, perhaps others
// with it. Returns false, and the history is of no use then, when it has no
// place for one.
bool Plant(AnomalyKind kind, PlantedHistory* history);

}  // namespace kappa::checker

#endif  // KAPPA_TESTS_CHECKER_PLANTS_H_
