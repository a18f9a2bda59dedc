#include "proto/wire/tls_material.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kappa {
namespace {

// More than any chain of certificates has.
constexpr size_t kFileBytesMax = 1 << 20;

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

// Leaves the calling thread's queue of OpenSSL errors empty: whoever uses TLS
// on the thread looks there.
struct ErrorQueue {
  ErrorQueue() { ERR_clear_error(); }
  ~ErrorQueue() { ERR_clear_error(); }

  // The last error, in OpenSSL's words.
  static std::string Last() {
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason == nullptr ? "no reason given" : reason;
  }
};

absl::Status Wrong(absl::string_view part, absl::string_view name,
                   absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("TLS ", part, " ", name, ": ", why));
}

Bio BioOf(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// OpenSSL would ask on the terminal.
int NoPassphrase(char*, int, int, void* asked) {
  if (asked != nullptr) *static_cast<bool*>(asked) = true;
  return -1;
}

// Whether the last read only found no further object.
bool AtEnd() {
  return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

absl::Status ReadFile(absl::string_view part, const std::string& path,
                      std::string* text) {
  if (path.empty()) return absl::OkStatus();
  const auto fail = [&](absl::string_view why) {
    return absl::NotFoundError(
        absl::StrCat("TLS ", part, " ", path, ": cannot be read: ", why));
  };
  // A pipe would wait for its other end.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fail(std::strerror(errno));
  struct stat info;
  std::string why;
  if (fstat(fd, &info) != 0) {
    why = std::strerror(errno);
  } else if (!S_ISREG(info.st_mode)) {
    why = "is not a file";
  }
  char buffer[16 << 10];
  while (why.empty()) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count == 0) break;
    if (count < 0) {
      if (errno != EINTR) why = std::strerror(errno);
      continue;
    }
    text->append(buffer, static_cast<size_t>(count));
    if (text->size() > kFileBytesMax) why = "has more than 1 MiB";
  }
  close(fd);
  return why.empty() ? absl::OkStatus() : fail(why);
}

absl::Status CheckCa(const std::string& pem, const std::string& name) {
  const Bio bio = BioOf(pem);
  int count = 0;
  while (Certificate certificate{
      PEM_read_bio_X509_AUX(bio.get(), nullptr, NoPassphrase, nullptr)}) {
    ++count;
  }
  if (!AtEnd()) {
    return Wrong("CA", name,
                 absl::StrCat("certificate ", count + 1,
                              " is damaged: ", ErrorQueue::Last()));
  }
  if (count == 0) return Wrong("CA", name, "holds no certificate (PEM)");
  return absl::OkStatus();
}

// Puts the certificate and its chain into `context`.
absl::Status UseCertificates(const std::string& pem, const std::string& name,
                             SSL_CTX* context, Certificate* own) {
  const Bio bio = BioOf(pem);
  own->reset(PEM_read_bio_X509_AUX(bio.get(), nullptr, NoPassphrase, nullptr));
  if (*own == nullptr) {
    return Wrong("certificate", name,
                 AtEnd() ? "holds no certificate (PEM)"
                         : absl::StrCat("is damaged: ", ErrorQueue::Last()));
  }
  if (SSL_CTX_use_certificate(context, own->get()) != 1) {
    return Wrong("certificate", name,
                 absl::StrCat("cannot be used: ", ErrorQueue::Last()));
  }
  while (Certificate next{
      PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)}) {
    if (SSL_CTX_add_extra_chain_cert(context, next.get()) != 1) {
      return Wrong("certificate", name,
                   absl::StrCat("a certificate behind the first cannot be "
                                "used: ",
                                ErrorQueue::Last()));
    }
    static_cast<void>(next.release());  // the context owns it now
  }
  if (!AtEnd()) {
    return Wrong("certificate", name,
                 absl::StrCat("a certificate behind the first is damaged: ",
                              ErrorQueue::Last()));
  }
  return absl::OkStatus();
}

absl::Status CheckKey(const TlsMaterial& material, const TlsFiles& names,
                      SSL_CTX* context, X509* own) {
  const Bio bio = BioOf(material.key);
  bool asked = false;
  const Key key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &asked));
  if (asked) {
    return Wrong("key", names.key,
                 "is protected by a passphrase, which nobody could be asked "
                 "for: store it without one");
  }
  if (key == nullptr) {
    return Wrong("key", names.key, "holds no private key (PEM)");
  }
  if (X509_check_private_key(own, key.get()) != 1) {
    return Wrong(
        "key", names.key,
        absl::StrCat("does not belong to the certificate ", names.cert));
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Wrong("key", names.key,
                 absl::StrCat("cannot be used: ", ErrorQueue::Last()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TlsMaterial> ReadTlsFiles(const TlsFiles& files) {
  TlsMaterial material;
  absl::Status read = ReadFile("CA", files.ca, &material.ca);
  if (read.ok()) read = ReadFile("certificate", files.cert, &material.cert);
  if (read.ok()) read = ReadFile("key", files.key, &material.key);
  if (!read.ok()) return read;
  return material;
}

absl::Status CheckTlsMaterial(const TlsMaterial& material,
                              const TlsFiles& names) {
  const ErrorQueue errors;
  if (!names.ca.empty()) {
    absl::Status ca = CheckCa(material.ca, names.ca);
    if (!ca.ok()) return ca;
  }
  if (names.cert.empty() && names.key.empty()) return absl::OkStatus();
  if (names.key.empty()) {
    return Wrong("certificate", names.cert, "is given without its key");
  }
  if (names.cert.empty()) {
    return Wrong("key", names.key, "is given without its certificate");
  }
  const Context context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return absl::InternalError(ErrorQueue::Last());
  Certificate own;
  absl::Status used =
      UseCertificates(material.cert, names.cert, context.get(), &own);
  if (!used.ok()) return used;
  return CheckKey(material, names, context.get(), own.get());
}

absl::StatusOr<TlsMaterial> LoadTlsFiles(const TlsFiles& files) {
  absl::StatusOr<TlsMaterial> material = ReadTlsFiles(files);
  if (!material.ok()) return material;
  absl::Status checked = CheckTlsMaterial(*material, files);
  if (!checked.ok()) return checked;
  return material;
}

std::string DescribeCertificate(const std::string& pem) {
  const ErrorQueue errors;
  const Bio in = BioOf(pem);
  const Certificate certificate(
      PEM_read_bio_X509_AUX(in.get(), nullptr, NoPassphrase, nullptr));
  if (certificate == nullptr) return "";
  const Bio out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate.get()), 0,
                     XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  BIO_puts(out.get(), ", until ");
  ASN1_TIME_print(out.get(), X509_get0_notAfter(certificate.get()));
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<size_t>(bytes));
}

}  // namespace kappa
