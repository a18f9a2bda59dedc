// Histories made by hand, good ones and at least one bad one for each anomaly:
// each is called what expected.txt says, and nothing else.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "nlohmann/json.hpp"
#include "tests/checker/anomaly.h"
#include "tests/checker/check.h"
#include "tests/checker/findings.h"
#include "tests/checker/history_reader.h"
#include "tests/checker/report.h"

namespace kappa::checker {
namespace {

const std::filesystem::path kFolder = "tests/checker/histories";

// The names that each file must be given.
std::map<std::string, std::set<std::string>> Expected() {
  std::map<std::string, std::set<std::string>> expected;
  std::ifstream file(kFolder / "expected.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    std::istringstream words(line);
    std::string name;
    words >> name;
    std::set<std::string>& names = expected[name];
    for (std::string word; words >> word;) names.insert(word);
  }
  return expected;
}

class HandMadeTest : public testing::Test {
 protected:
  History Read(const std::string& name) {
    std::ifstream file(kFolder / name);
    absl::StatusOr<History> history = ReadHistory(file);
    EXPECT_TRUE(history.ok()) << name << ": " << history.status();
    return history.ok() ? *std::move(history) : History();
  }
};

TEST_F(HandMadeTest, EachIsCalledWhatItIs) {
  const auto expected = Expected();
  ASSERT_FALSE(expected.empty());
  for (const auto& [name, names] : expected) {
    const History history = Read(name);
    const Findings findings = CheckHistory(history, CheckOptions());
    std::set<std::string> found;
    for (const Anomaly& anomaly : findings.kept()) {
      found.insert(NameOf(anomaly.kind));
    }
    EXPECT_EQ(found, names) << name << "\n" << TextReport(history, findings);
  }
}

TEST_F(HandMadeTest, EveryFileIsExpectedAndEveryAnomalyHasOne) {
  const auto expected = Expected();
  std::set<std::string> all;
  for (const auto& [name, names] : expected) {
    all.insert(names.begin(), names.end());
  }
  for (size_t i = 0; i < kAnomalyKinds; ++i) {
    const std::string name = NameOf(static_cast<AnomalyKind>(i));
    EXPECT_TRUE(all.contains(name)) << name;
    all.erase(name);
  }
  EXPECT_TRUE(all.empty()) << *all.begin();
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename();
    EXPECT_EQ(expected.contains(name), name != "expected.txt") << name;
  }
}

TEST_F(HandMadeTest, EvidenceNamesLinesOffsetsAndValues) {
  const History history = Read("duplicate.jsonl");
  const Findings findings = CheckHistory(history, CheckOptions());
  const auto json = nlohmann::json::parse(JsonReport(history, findings));
  EXPECT_EQ(json["anomalies_total"], 1);
  EXPECT_EQ(json["counts"], nlohmann::json({{"duplicate", 1}}));
  const nlohmann::json& anomaly = json["anomalies"][0];
  EXPECT_EQ(anomaly["partition"], "t/0");
  EXPECT_EQ(anomaly["lines"], nlohmann::json({2, 5}));
  EXPECT_EQ(anomaly["offsets"], nlohmann::json({0, 2}));
  EXPECT_EQ(anomaly["values"], nlohmann::json({"a"}));
  EXPECT_EQ(anomaly["text"],
            "value \"a\" is at offset 0 by line 2 and at offset 2 by line 5");
  EXPECT_NE(TextReport(history, findings)
                .find("duplicate: 1\n  t/0: value \"a\" is at offset 0 by line "
                      "2 and at offset 2 by line 5\n    lines 2, 5\n"),
            std::string::npos);
}

TEST_F(HandMadeTest, StaleEndTellsItsLag) {
  const History history = Read("stale-end.jsonl");
  const Findings findings = CheckHistory(history, CheckOptions());
  ASSERT_EQ(findings.kept().size(), 1);
  // Acknowledged at 250 us, asked at 500 us.
  EXPECT_NE(findings.kept()[0].text.find("250 us before the call began"),
            std::string::npos)
      << findings.kept()[0].text;
}

TEST_F(HandMadeTest, SummaryCounts) {
  const History history = Read("legal.jsonl");
  const Findings findings = CheckHistory(history, CheckOptions());
  const auto json = nlohmann::json::parse(JsonReport(history, findings));
  EXPECT_EQ(json["anomalies_total"], 0);
  const nlohmann::json& summary = json["summary"];
  EXPECT_EQ(summary["operations"]["append"],
            nlohmann::json({{"ok", 3}, {"failed", 1}, {"unknown", 3}}));
  EXPECT_EQ(summary["operations"]["replay"]["unknown"], 1);
  EXPECT_EQ(summary["acknowledged_batches"], 4);
  EXPECT_EQ(summary["unknown_stored"], 0);
  EXPECT_EQ(summary["unknown_absent"], 2);
  EXPECT_EQ(summary["delivered_records"], 7);
  EXPECT_EQ(summary["final_reads"], 3);
}

TEST_F(HandMadeTest, AllAreCountedAndFewKept) {
  const History history = Read("lost-write.jsonl");
  CheckOptions options;
  options.kept_max = 0;
  const Findings findings = CheckHistory(history, options);
  EXPECT_EQ(findings.Count(AnomalyKind::kLostWrite), 1);
  EXPECT_TRUE(findings.kept().empty());
  EXPECT_FALSE(findings.empty());
  EXPECT_NE(TextReport(history, findings).find("and 1 more"),
            std::string::npos);
}

TEST_F(HandMadeTest, ProgressIsDemandedOnlyOfWhoTriesLongEnough) {
  const History history = Read("no-progress.jsonl");
  History patient = Read("no-progress.jsonl");
  for (Mark& mark : patient.marks) mark.within_us.reset();
  EXPECT_FALSE(CheckHistory(history, CheckOptions()).empty());
  // By default half a minute is allowed, and nobody waited that long.
  EXPECT_TRUE(CheckHistory(patient, CheckOptions()).empty());
  CheckOptions impatient;
  impatient.progress_us = 1000;
  EXPECT_FALSE(CheckHistory(patient, impatient).empty());
  // The next fault ends what is demanded.
  patient.marks.push_back({false, 1400, 1, {}});
  EXPECT_TRUE(CheckHistory(patient, impatient).empty());
}

}  // namespace
}  // namespace kappa::checker
