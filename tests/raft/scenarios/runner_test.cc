// The runner refuses bad files, and fails what does not hold.
#include "tests/raft/scenarios/runner/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace kappa::raft {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string RunText(const std::string& text) {
  return RunScenario("x.txt", text);
}

TEST(RunnerTest, AScenarioThatHoldsSaysNothing) {
  EXPECT_EQ(RunText("# rule\ncluster 3\nelect 1\n----\n1: leader term=1\n"),
            "");
}

TEST(RunnerTest, RefusesWhatIsNoScenario) {
  EXPECT_THAT(RunText(""), StartsWith("x.txt:1: the first line is a comment"));
  EXPECT_THAT(RunText("cluster 3\n"), StartsWith("x.txt:1: the first line"));
  EXPECT_THAT(RunText("#\ncluster 3\n"), StartsWith("x.txt:1: the first line"));
  EXPECT_THAT(RunText("# rule\n"), HasSubstr("no command"));
  EXPECT_THAT(RunText("# rule\ncluster 3\nelect 1 \\"),
              HasSubstr("a line ends in \\"));
}

TEST(RunnerTest, RefusesUnknownCommandsWithTheirLine) {
  EXPECT_THAT(RunText("# rule\n\ncluster 3\nfrobnicate 1\n"),
              StartsWith("x.txt:4: there is no command \"frobnicate\""));
}

TEST(RunnerTest, RefusesCommandsWithoutACluster) {
  EXPECT_THAT(RunText("# rule\ntick all\n"),
              StartsWith("x.txt:2: there is no cluster yet"));
}

TEST(RunnerTest, RefusesWordsThatItDoesNotUnderstand) {
  const struct {
    const char* line;
    const char* error;
  } kCases[] = {
      {"tick", "missing replica"},
      {"tick 1 x", "\"x\" is not understood here"},
      {"tick 4", "there is no replica 4"},
      {"tick one", "\"one\" is no replica"},
      {"elect 1 2", "\"2\" is not understood here"},
      {"propose 1", "missing label"},
      {"propose 1 \"a\" bytes=many", "bytes=many is no number"},
      {"change 1 1,2", "is no {...}"},
      {"deliver 1-2", "\"1-2\" is not understood here"},
      {"deliver 1->2 append", "no message 1->2 append is in flight"},
      {"hold 1->x", "\"x\" is no replica or *"},
      {"release 1->2", "nothing holds 1->2"},
      {"partition 1 2 3", "a partition has two sides"},
      {"cut 1", "is no FROM->TO"},
      {"sync 1", "no write waits"},
      {"complete 1", "there is no completion 1"},
      {"restart 1", "1 is not down"},
      {"join 1", "1 exists"},
      {"cluster 3", "there is a cluster"},
      {"log 1 [2:a 1:b]", "is no [ENTRIES]"},
      {"log 1 [3:a] term=2", "below the last entry's"},
      {"options quick=on", "no option \"quick\""},
      {"options pre_vote=maybe", "is no value of option pre_vote"},
      {"health 1 sick", "is no disk health"},
      {"liveness 2 asleep", "missing up or down"},
      {"damage 1 7", "does not hold that index"},
      {"reorder 1->2 2 1", "not an order of the 0 messages"},
      {"print nonsense", "cannot print nonsense"},
      {"expect 1 leader", "missing the colon"},
      {"expect 1:", "missing the role"},
      {"expect 1: follower colour=red", "is no field"},
      {"expect messages 1->2: some", "expected one number"},
      {"expect message 1->2 append: term=1", "0 in flight"},
      {"expect write 1 1: term=1", "0 writes wait"},
      {"run 5 deliver-to nobody", "\"nobody\" is no replica"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(RunText(std::string("# rule\ncluster 3\n") + c.line + "\n"),
                AllOf(StartsWith("x.txt:3: "), HasSubstr(c.error)))
        << c.line;
  }
}

TEST(RunnerTest, RefusesUnclosedBrackets) {
  EXPECT_THAT(RunText("# rule\ncluster 3\nlog 1 [1:a\n"),
              StartsWith("x.txt:3: a quote, bracket or brace"));
  EXPECT_THAT(RunText("# rule\ncluster {1 2]\n"),
              StartsWith("x.txt:2: a quote, bracket or brace"));
}

TEST(RunnerTest, ADirectiveHasItsReason) {
  EXPECT_THAT(RunText("# rule\nno-convergence:\ncluster 3\n"),
              StartsWith("x.txt:2: no-convergence: without a reason"));
  EXPECT_THAT(RunText("# rule\nconverge-without 3:\ncluster 3\n"),
              StartsWith("x.txt:2: converge-without"));
}

TEST(RunnerTest, AWrongExpectationShowsBothSidesAndTheCommand) {
  const std::string failure =
      RunText("# rule\ncluster 3\nelect 1\n----\n1: follower term=1\n");
  EXPECT_THAT(failure, StartsWith("x.txt:5: state of 1"));
  EXPECT_THAT(failure, HasSubstr("* role  follower  leader"));
  EXPECT_THAT(failure, HasSubstr("  term  1         1"));
  EXPECT_THAT(failure,
              HasSubstr("bazel run //tests/raft/scenarios:run_scenario -- "
                        "x.txt"));
}

TEST(RunnerTest, AWrongLogOrConfigurationFails) {
  EXPECT_THAT(RunText("# rule\ncluster 3\nelect 1\nexpect 2: log=[1:a]\n"),
              StartsWith("x.txt:4: state of 2"));
  EXPECT_THAT(RunText("# rule\ncluster 3\nelect 1\nexpect 2: config={1 2}\n"),
              StartsWith("x.txt:4: state of 2"));
}

TEST(RunnerTest, AnExpectedErrorThatDoesNotComeFails) {
  EXPECT_THAT(RunText("# rule\ncluster 1\nelect 1\n"
                      "propose 1 \"a\" fails UNAVAILABLE\n"),
              AllOf(StartsWith("x.txt:4: "), HasSubstr("actual:   OK")));
  EXPECT_THAT(RunText("# rule\ncluster 3\npropose 1 \"a\"\n"),
              AllOf(StartsWith("x.txt:3: "), HasSubstr("UNAVAILABLE")));
}

TEST(RunnerTest, AnElectionThatIsNotWonFails) {
  EXPECT_THAT(RunText("# rule\ncluster 3\ncrash 2 3\nelect 1\n"),
              StartsWith("x.txt:4: 1 was not elected"));
}

// A made-up acknowledgement: the leader commits what one disk holds.
TEST(RunnerTest, ABrokenPropertyFails) {
  EXPECT_THAT(
      RunText(
          "# rule\ncluster 3\nelect 1\npropose 1 \"a\" deliver-to none\n"
          "inject 2->1 append-response term=1 granted=1 previous=1/1 match=2\n"
          "deliver 2->1 append-response\n"),
      AllOf(StartsWith("x.txt:6: property broken: "),
            HasSubstr("without a durable majority")));
}

// Two logs that no correct group can have.
TEST(RunnerTest, LogsThatContradictEachOtherFail) {
  EXPECT_THAT(RunText("# rule\ncluster 3\nlog 1 [1:a]\nlog 2 [1:b]\n"),
              AllOf(StartsWith("x.txt:4: property broken: "),
                    HasSubstr("two entries at 1/1")));
}

TEST(RunnerTest, AGroupThatCannotConvergeFailsUnlessTheFileSaysSo) {
  EXPECT_THAT(RunText("# rule\ncluster 3\nelect 1\ndestroy 2 3\n"),
              AllOf(StartsWith("x.txt:4: at the end: no convergence"),
                    HasSubstr("missing: ")));
  EXPECT_EQ(RunText("# rule\nno-convergence: two of three are gone\n"
                    "cluster 3\nelect 1\ndestroy 2 3\n"),
            "");
  EXPECT_EQ(RunText("# rule\nconverge-without 3: it is gone\n"
                    "cluster 3\nelect 1\ndestroy 3\n"),
            "");
}

TEST(RunnerTest, AnEmptyLineEndsAnExpectedBlock) {
  EXPECT_EQ(RunText("# rule\ncluster 3\nelect 1\n----\n1: leader\n# still\n"
                    "2: follower\n\ntick all\n"),
            "");
}

TEST(RunnerTest, TheSameFileGivesTheSameResult) {
  const std::string text =
      "# rule\ncluster 5\ntick all x200\nsettle\n----\n"
      "1: leader term=0\n";
  EXPECT_EQ(RunText(text), RunText(text));
}

// Expected states are written by hand: nothing here can write a file.
TEST(RunnerTest, NoSourceOfTheRunnerWritesFiles) {
  for (const char* source :
       {"run_scenario.cc", "scenarios_test.cc", "runner/runner.cc",
        "runner/command.cc", "runner/comparison.cc", "runner/expectation.cc",
        "runner/fields.cc", "runner/input_commands.cc",
        "runner/making_commands.cc", "runner/network_commands.cc",
        "runner/print_commands.cc", "runner/scripted_cluster.cc",
        "runner/storage_commands.cc", "runner/convergence.cc"}) {
    std::ifstream file(std::string("tests/raft/scenarios/") + source);
    ASSERT_TRUE(file) << source;
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (const char* word : {"ofstream", "fopen", "freopen", "create_director",
                             "rename(", "open(", "system("}) {
      EXPECT_EQ(text.find(word), std::string::npos) << source << ": " << word;
    }
  }
}

}  // namespace
}  // namespace kappa::raft
