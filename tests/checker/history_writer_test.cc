// What is written is read again, also from several threads.
#include "tests/checker/history_writer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proto/wire/clock.h"
#include "tests/checker/check.h"
#include "tests/checker/event_json.h"
#include "tests/checker/findings.h"
#include "tests/checker/history.h"
#include "tests/checker/history_reader.h"

namespace kappa::checker {
namespace {

std::string NewFile(const std::string& name) {
  return std::string(std::getenv("TEST_TMPDIR")) + "/" + name;
}

TEST(EventJsonTest, LinesComeBackAsTheyWere) {
  // Every field of every type, in the order in which it is written.
  const char* const lines[] = {
      R"({"type":"invoke","op":1,"time_us":2,"node":"1","process":3,"kind":"append","partition":"t/0","values":["a","b"],"digests":["x","y"],"epoch":4,"sequence":5,"producer":"p"})",
      R"({"type":"invoke","op":1,"time_us":2,"process":3,"kind":"conditional-append","partition":"t/0","values":["a"],"expected":7})",
      R"({"type":"invoke","op":1,"time_us":2,"process":3,"kind":"read","partition":"t/0","from":7,"consistency":"committed"})",
      R"({"type":"invoke","op":1,"time_us":2,"process":3,"kind":"replay","partition":"t/0","resume":true})",
      R"({"type":"invoke","op":1,"time_us":2,"process":3,"kind":"end-offset","partition":"t/0"})",
      R"({"type":"invoke","op":1,"time_us":2,"process":3,"kind":"open-producer","partitions":["t/0"],"producer":"p"})",
      R"({"type":"part","op":1,"time_us":2,"node":"2","batches":[{"offset":1,"values":["a"],"digests":["x"],"append_time_us":9,"chain":"c"}],"gaps":[[0,1]]})",
      R"({"type":"ok","op":1,"time_us":2,"offset":3,"append_time_us":4,"epoch":5,"end":6,"chain":"c"})",
      R"({"type":"fail","op":1,"time_us":2,"end":3,"reason":"EXPECTED_OFFSET_MISMATCH"})",
      R"({"type":"unknown","op":1,"time_us":2,"reason":"OUTCOME_UNKNOWN"})",
      R"({"type":"final","time_us":2,"node":"1","partition":"t/0","end":1,"chain":"c","batches":[{"offset":0,"values":["a"]}]})",
      R"({"type":"fault","time_us":1,"what":"kill node 1"})",
      R"({"type":"heal","time_us":1,"what":"all up","within_us":5})",
  };
  for (const char* line : lines) {
    const absl::StatusOr<Event> event = ParseEvent(line);
    ASSERT_TRUE(event.ok()) << line << ": " << event.status();
    EXPECT_EQ(FormatEvent(*event), line);
  }
}

TEST(HistoryWriterTest, ThreadsShareOne) {
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kAppends = 500;
  const std::string path = NewFile("threads.jsonl");
  const SystemClock clock;
  auto writer = HistoryWriter::Create(path, clock, 1000);
  ASSERT_TRUE(writer.ok()) << writer.status();
  const auto partition = [](uint64_t process) {
    return "t/" + std::to_string(process);
  };
  std::vector<std::thread> threads;
  for (uint64_t process = 0; process < kThreads; ++process) {
    threads.emplace_back([&, process] {
      Event final;
      final.type = EventType::kFinal;
      final.partition = partition(process);
      final.node = "1";
      for (uint64_t i = 0; i < kAppends; ++i) {
        Event append;
        append.process = process;
        append.partition = partition(process);
        append.values = {partition(process) + "-" + std::to_string(i)};
        Event answer;
        answer.type = EventType::kOk;
        answer.op = (*writer)->Invoke(append);
        answer.offset = i;
        (*writer)->Add(answer);
        final.batches.push_back({i, append.values, {}, {}, {}});
      }
      final.end = kAppends;
      (*writer)->Add(final);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ((*writer)->Close(), absl::OkStatus());

  std::ifstream file(path);
  const absl::StatusOr<History> history = ReadHistory(file);
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->operations(), kThreads * kAppends);
  for (const Append& append : history->appends) {
    EXPECT_GE(append.op, 1000);
    EXPECT_LE(append.invoke_us, append.return_us);
  }
  EXPECT_TRUE(CheckHistory(*history, CheckOptions()).empty());
}

TEST(HistoryWriterTest, RefusesAFileThatIsThereOrCannotBe) {
  const SystemClock clock;
  const std::string path = NewFile("there.jsonl");
  std::ofstream(path) << "something\n";
  EXPECT_EQ(HistoryWriter::Create(path, clock).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(
      HistoryWriter::Create(NewFile("no/such/folder"), clock).status().code(),
      absl::StatusCode::kUnavailable);
}

TEST(HistoryWriterTest, AWriteThatFailsIsTold) {
  const SystemClock clock;
  // A device that is always full.
  HistoryWriter writer(std::ofstream("/dev/full"), clock, 0);
  Event mark;
  mark.type = EventType::kFault;
  mark.what = "x";
  writer.Add(mark);
  EXPECT_EQ(writer.Close().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kappa::checker
