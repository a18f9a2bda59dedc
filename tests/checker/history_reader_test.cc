// What is no history is refused, and the message names the line.
#include "tests/checker/history_reader.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

namespace kappa::checker {
namespace {

// Good lines; 1 to 4.
const char kGood[] =
    R"({"type":"invoke","op":1,"time_us":10,"process":1,"kind":"append","partition":"p","values":["a"]}
{"type":"ok","op":1,"time_us":20,"offset":0}
{"type":"invoke","op":2,"time_us":30,"process":1,"kind":"read","partition":"p","from":0}
{"type":"final","node":"1","partition":"p","batches":[{"offset":0,"values":["a"]}],"end":1}
)";

std::string Refusal(const std::string& text) {
  std::istringstream input(text);
  const absl::StatusOr<History> history = ReadHistory(input);
  return history.ok() ? "" : std::string(history.status().message());
}

// An invocation of op 9 on line 5.
std::string Invoke(const std::string& kind, const std::string& fields) {
  return R"({"type":"invoke","op":9,"time_us":40,"process":1,"kind":")" + kind +
         "\"" + fields + "}";
}

struct BadLine {
  std::string line;
  std::string message;  // after "line 5: "
};

class HistoryReaderTest : public testing::Test {
 protected:
  void ExpectRefused(const std::vector<BadLine>& table) {
    for (const BadLine& bad : table) {
      EXPECT_EQ(Refusal(kGood + bad.line + "\n"), "line 5: " + bad.message)
          << bad.line;
    }
  }
};

TEST_F(HistoryReaderTest, TakesAGoodOne) {
  std::istringstream input(kGood);
  const absl::StatusOr<History> history = ReadHistory(input);
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_EQ(history->operations(), 2);
  EXPECT_EQ(history->appends[0].invoke_line, 1);
  EXPECT_EQ(history->appends[0].return_line, 2);
  EXPECT_EQ(history->reads[0].outcome, Outcome::kUnknown);
  EXPECT_EQ(history->reads[0].return_us, kNever);
}

TEST_F(HistoryReaderTest, RefusesWhatIsNoEvent) {
  ExpectRefused({
      {"", "no JSON object"},
      {"{", "no JSON object"},
      {"[]", "no JSON object"},
      {R"({"type":"fault","time_us":1,"what":"x")", "no JSON object"},
      {"{}", "\"type\" is missing or unknown"},
      {R"({"type":"info"})", "\"type\" is missing or unknown"},
      {R"({"type":7})", "\"type\" is missing or unknown"},
      {R"({"type":"invoke"})", "\"kind\" is missing or unknown"},
      {Invoke("trim", ""), "\"kind\" is missing or unknown"},
      {R"({"type":"ok","time_us":1})", "\"op\" is missing"},
      {R"({"type":"fault","time_us":1})", "\"what\" is missing"},
      {R"({"type":"fault","time_us":1,"what":"x","colour":1})",
       "\"colour\" is no known field"},
      {R"({"type":"fault","time_us":1,"what":"x","end":1})",
       "\"end\" does not belong here"},
      {R"({"type":"fault","time_us":-1,"what":"x"})",
       "\"time_us\" is not what it must be"},
      {R"({"type":"fault","time_us":1.5,"what":"x"})",
       "\"time_us\" is not what it must be"},
      {R"({"type":"fault","time_us":9223372036854775808,"what":"x"})",
       "\"time_us\" is not what it must be"},
      {R"({"type":"fault","time_us":1,"what":["x"]})",
       "\"what\" is not what it must be"},
      {R"({"type":"final","partition":"p","end":1})", "\"node\" is missing"},
  });
}

TEST_F(HistoryReaderTest, RefusesWrongInvocations) {
  const std::string p = R"(,"partition":"p")";
  ExpectRefused({
      {Invoke("append", R"(,"values":["b"])"), "\"partition\" is missing"},
      {Invoke("append", p), "\"values\" is missing"},
      {Invoke("append", p + R"(,"values":[])"), "\"values\" is empty"},
      {Invoke("append", p + R"(,"values":[1])"),
       "\"values\" is not what it must be"},
      {Invoke("append", p + R"(,"values":["b"],"digests":["1","2"])"),
       "\"digests\" and \"values\" differ in number"},
      {Invoke("append", p + R"(,"values":["b"],"sequence":1)"),
       "\"producer\" and \"sequence\" go together"},
      {Invoke("append", p + R"(,"values":["b"],"epoch":1)"),
       "\"epoch\" needs \"producer\""},
      {Invoke("append", p + R"(,"values":["b"],"expected":1)"),
       "\"expected\" does not belong here"},
      {Invoke("conditional-append", p + R"(,"values":["b"])"),
       "\"expected\" is missing"},
      {Invoke("append", p + R"(,"values":["a"])"),
       "value \"a\" is not unique: only attempts with one producer and "
       "sequence may share values, and then all of them"},
      {Invoke("append", p + R"(,"values":["b","b"])"),
       "value \"b\" is not unique"},
      {Invoke("append", p + R"(,"values":["b","a"])"),
       "value \"a\" is not unique"},
      {Invoke("read", p + R"(,"from":1,"resume":true)"),
       "\"from\" and \"resume\" exclude each other"},
      {Invoke("read", p + R"(,"resume":true)"),
       "process 1 resumes while its read op 2 has no answer"},
      {Invoke("read", p + R"(,"consistency":"eventual")"),
       "\"consistency\" is not what it must be"},
      {Invoke("end-offset", p + R"(,"from":1)"),
       "\"from\" does not belong here"},
      {Invoke("open-producer", ""), "\"producer\" is missing"},
      {R"({"type":"invoke","op":1,"time_us":1,"process":1,"kind":"read","partition":"p"})",
       "op 1 was invoked before"},
  });
}

TEST_F(HistoryReaderTest, RefusesWrongAnswers) {
  ExpectRefused({
      {R"({"type":"ok","op":3,"time_us":50})", "op 3 was not invoked"},
      {R"({"type":"fail","op":1,"time_us":50})", "op 1 was answered before"},
      {R"({"type":"ok","op":2,"time_us":29})",
       "op 2 is answered before it began"},
      {R"({"type":"ok","op":2,"time_us":50,"offset":1})",
       "\"offset\" does not belong into an answer to read"},
      {R"({"type":"ok","op":2,"time_us":50,"epoch":1})",
       "\"epoch\" does not belong into an answer to read"},
      {R"({"type":"unknown","op":2,"time_us":50,"end":1})",
       "\"end\" does not belong here"},
      {R"({"type":"ok","op":2,"time_us":50,"batches":[{"values":["a"]}]})",
       "\"batches\" is not what it must be"},
      {R"({"type":"ok","op":2,"time_us":50,"batches":[{"offset":0,"values":[]}]})",
       "\"batches\" is not what it must be"},
      {R"({"type":"ok","op":2,"time_us":50,"batches":[{"offset":0,"values":["a"],"x":1}]})",
       "\"batches\" is not what it must be"},
      {R"({"type":"ok","op":2,"time_us":50,"gaps":[[3,3]]})",
       "\"gaps\" is not what it must be"},
      {R"({"type":"final","node":"1","partition":"p","end":1})",
       "a final read goes on after its \"end\""},
      {R"({"type":"final","node":"2","partition":"p","chain":"c"})",
       "\"chain\" without \"end\""},
  });
  const std::string five =
      kGood + Invoke("end-offset", R"(,"partition":"p")") + "\n";
  EXPECT_EQ(Refusal(five + R"({"type":"ok","op":9,"time_us":50})"),
            "line 6: an end offset without \"end\"");
  EXPECT_EQ(Refusal(five + R"({"type":"part","op":9,"time_us":50})"),
            "line 6: a part of end-offset");
  EXPECT_EQ(Refusal(kGood + Invoke("open-producer", R"(,"producer":"p")") +
                    "\n" + R"({"type":"ok","op":9,"time_us":50})"),
            "line 6: a producer opened without \"epoch\"");
  EXPECT_EQ(
      Refusal(kGood + Invoke("append", R"(,"partition":"p","values":["b"])") +
              "\n" + R"({"type":"ok","op":9,"time_us":50,"chain":"c"})"),
      "line 6: an append time or chain without \"offset\"");
}

TEST_F(HistoryReaderTest, RefusesWhatProvesNothing) {
  EXPECT_EQ(Refusal(""), "no operation");
  EXPECT_EQ(Refusal(R"({"type":"heal","time_us":1})"), "no operation");
  const std::string append =
      R"({"type":"invoke","op":1,"time_us":10,"process":1,"kind":"append","partition":"p","values":["a"]}
{"type":"ok","op":1,"time_us":20,"offset":0})";
  EXPECT_EQ(Refusal(append),
            "line 2: partition p has an acknowledged append and no final read");
  EXPECT_EQ(
      Refusal(append + "\n" +
              R"({"type":"final","node":"1","partition":"p","batches":[]})"),
      "line 3: the final read ends there without \"end\"");
}

}  // namespace
}  // namespace kappa::checker
