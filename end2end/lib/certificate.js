// A certificate for 127.0.0.1, of nobody's authority.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { temporaryFolder } from "./server.js";

/** Makes a certificate and its key with openssl; gives their files. */
export function newCertificate(name = "keiki test", folder = temporaryFolder()) {
  const files = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", `/CN=${name}`,
    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", files.key, "-out", files.cert,
  ], { stdio: "ignore" });
  return { ...files, folder };
}
