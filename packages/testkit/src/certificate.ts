/**
 * A certificate for receiver.example signed by itself, and its key, which guards nothing. Made by: openssl req -x509 -newkey ec -pkeyopt
 * ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=receiver.example -addext subjectAltName=DNS:receiver.example
 */
export const CERTIFICATE = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBqzCCAVCgAwIBAgIUCHez1WVnD8DL1e1vllS3WGhN/GgwCgYIKoZIzj0EAwIw
GzEZMBcGA1UEAwwQcmVjZWl2ZXIuZXhhbXBsZTAgFw0yNjExMjQwMjU4MTRaGA8y
MTI2MTAzMTAyNTgxNFowGzEZMBcGA1UEAwwQcmVjZWl2ZXIuZXhhbXBsZTBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABDiR3BQSStHwpIjT0xrcYifDM9xTMCvpAKCA
/nUQbD3wdm/4O+X/o02mT4k7JQIJHXE/3C85KsFdiNbK4vzfL/2jcDBuMB0GA1Ud
DgQWBBSKNpkCaI3zXjmO55eBFQa4ri5+QTAfBgNVHSMEGDAWgBSKNpkCaI3zXjmO
55eBFQa4ri5+QTAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEHJlY2VpdmVy
LmV4YW1wbGUwCgYIKoZIzj0EAwIDSQAwRgIhANPrkwIrlOQLeB0At111cGQTrFMW
JROWRg4IZFQgbqUzAiEAgtX4sduX8N8tJwbFup2H9Q51n4humS1mBzumwNh7F9Y=
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgEhalIE0GSjoEHVLh
vvpxitSW9Id2CCREvcl1asOc6pyhRANCAAQ4kdwUEkrR8KSI09Ma3GInwzPcUzAr
6QCggP51EGw98HZv+Dvl/6NNpk+JOyUCCR1xP9wvOSrBXYjWyuL83y/9
-----END PRIVATE KEY-----`
}
