/* SPDX-License-Identifier: Apache-2.0 */
#include "core/fhir_certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

apr_time_t fhir_certificate_end(const char *file)
{
    ERR_set_mark(); /* a failure here is no error of whoever asks OpenSSL next */
    BIO *bio = BIO_new_file(file, "r");
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    struct tm end = {.tm_sec = 0};
    apr_time_t at = 0;
    if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end))
        at = apr_time_from_sec(timegm(&end));
    X509_free(certificate);
    BIO_free(bio);
    ERR_pop_to_mark();
    return at;
}
