/* SPDX-License-Identifier: Apache-2.0 */
/* JWTs and JWKs: the examples of the RFCs, what we sign is verified, what is not right is refused.
 */
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "auth/fhir_jose.h"
#include "core/fhir_base64.h"
#include "core/fhir_secret.h"
#include "tap.h"

static apr_pool_t *pool;

/* RFC 7515, A.2 (RS256) and A.3 (ES256). */
static const char rsa_key[] =
    "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"
    "4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL"
    "-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG"
    "4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\","
    "\"e\":\"AQAB\"}";
static const char rsa_token[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb"
    "S9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4B"
    "h-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBA"
    "rLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1p"
    "hCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
static const char ec_key[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
static const char ec_token[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb"
    "S9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKT"
    "UJqPP3-Kg6NU1Q";

static fhir_err_t *check(const char *token, const char *keys)
{
    fhir_jwks_t set;
    FHIR_TRY(fhir_jwks_parse(&set, keys, strlen(keys), pool));
    fhir_jwt_t jwt;
    FHIR_TRY(fhir_jwt_parse(&jwt, token, strlen(token), pool));
    return fhir_jwt_verify(&jwt, &set, pool);
}

static void refused(fhir_err_t *err, const char *part, const char *name)
{
    if (tap_ok(err != NULL, "%s is refused", name))
        tap_ok(strstr(err->message, part) != NULL, "  as: %s", err->message);
}

static void test_examples(void)
{
    tap_no_err(check(rsa_token, rsa_key), "RFC 7515, A.2");
    tap_no_err(check(ec_token, ec_key), "RFC 7515, A.3");
    refused(check(rsa_token, ec_key), "fits RS256", "an RSA signature with an EC key");
    refused(check(ec_token, rsa_key), "fits ES256", "an EC signature with an RSA key");
}

static void test_thumbprint(void)
{
    /* RFC 7638, 3.1 */
    static const char key[] =
        "{\"kty\":\"RSA\",\"n\":\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zw"
        "u1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6"
        "Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD"
        "08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJz"
        "KnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":\"2011-04-29\"}";
    fhir_jwks_t set;
    const char *kid = NULL;
    tap_no_err(fhir_jwks_parse(&set, key, strlen(key), pool), "the key of RFC 7638");
    tap_no_err(fhir_jwk_thumbprint(&kid, set.keys[0].key, pool), "has a thumbprint");
    tap_is_str(kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "the one of the RFC");
}

static void test_own(const char *alg)
{
    EVP_PKEY *key;
    tap_no_err(fhir_jwk_generate(&key, alg, pool), "a key for %s", alg);
    const char *pem;
    tap_no_err(fhir_jwk_write_pem(&pem, key, pool), "as PEM");
    EVP_PKEY *again;
    tap_no_err(fhir_jwk_read_pem(&again, pem, pool), "and back");
    const char *jwk;
    tap_no_err(fhir_jwk_print(&jwk, again, "k1", alg, pool), "as JWK");
    tap_ok(!strstr(jwk, "\"d\""), "which is public");
    const char *token;
    tap_no_err(fhir_jwt_sign(&token, "{\"sub\":\"me\"}", alg, "k1", key, pool), "signs");
    tap_no_err(check(token, jwk), "and verifies");
    char *changed = apr_pstrdup(pool, token);
    changed[strlen(changed) - 20] ^= 1;
    tap_ok(check(changed, jwk) != NULL, "not with another signature");
    changed = apr_pstrdup(pool, token);
    changed[strcspn(changed, ".") + 3] ^= 1;
    tap_ok(check(changed, jwk) != NULL, "nor with other claims");
    const char *other;
    tap_no_err(fhir_jwk_print(&other, key, "k2", alg, pool), "under another kid");
    refused(check(token, other), "kid \"k1\"", "a token whose kid is not registered");
    tap_no_err(fhir_jwk_print(&other, key, "k1", alg[0] == 'R' ? "RS512" : "ES512", pool),
               "for another algorithm");
    tap_ok(check(token, other) != NULL, "it does not verify");
}

static const char *make_token(const char *header, const char *claims, const char *signature)
{
    return apr_pstrcat(
        pool, fhir_base64_encode(header, strlen(header), FHIR_BASE64_TOKEN, pool), ".",
        fhir_base64_encode(claims, strlen(claims), FHIR_BASE64_TOKEN, pool), ".",
        fhir_base64_encode(signature, strlen(signature), FHIR_BASE64_TOKEN, pool), NULL);
}

static void test_bad_tokens(void)
{
    const struct {
        const char *token, *part, *name;
    } cases[] = {
        {"", "three parts", "nothing"},
        {"a.b", "three parts", "two parts"},
        {"a.b.c.d", "three parts", "four parts"},
        {"e30.e30.", "no alg", "a header without alg"},
        {make_token("{\"alg\":\"none\"}", "{}", ""), "\"none\"", "alg none"},
        {make_token("{\"alg\":\"None\"}", "{}", "x"), "\"None\"", "alg None"},
        {make_token("{\"alg\":\"HS256\"}", "{}", "x"), "\"HS256\"", "a public key as a secret"},
        {make_token("{\"alg\":\"RS256\",\"crit\":[\"b64\"]}", "{}", "x"), "crit", "crit"},
        {make_token("{\"alg\":\"RS256\"}", "[]", "x"), "payload", "claims that are no object"},
        {make_token("{\"alg\":\"RS256\",\"alg\":\"none\"}", "{}", "x"), "header", "alg twice"},
        {make_token("{\"alg\":\"RS256\"}", "{}", ""), "signature", "no signature"},
        {make_token("{\"alg\":\"RS256\"}", "{}", "x"), "not that of", "a short signature"},
        {"eyJhbGciOiJSUzI1NiJ9=.e30.eA", "base64url", "padding"},
        {"eyJhbGciOiJSUzI1NiJ9.e31.eA", "payload", "bits that are not zero"},
    };
    for (int i = 0; i < (int)TAP_COUNT(cases); i++)
        refused(check(cases[i].token, rsa_key), cases[i].part, cases[i].name);
    refused(check(memset(apr_pcalloc(pool, 20001), 'a', 20000), rsa_key), "longer than",
            "a long token");
}

static void test_bad_keys(void)
{
    static const struct {
        const char *keys, *part;
    } cases[] = {
        {"{", "line"},
        {"{}", "no array"},
        {"{\"keys\":{}}", "no array"},
        {"{\"keys\":[]}", "no RSA or EC key"},
        {"{\"keys\":[1]}", "not a JSON object"},
        {"{\"keys\":[{\"kid\":\"a\"}]}", "no kty"},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "private"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"}]}", "no RSA or EC key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"d\":\"AQAB\"}]}", "private"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", "2048"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"e\":\"AQAB\"}]}", "not have n and e"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", "length"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
         "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
         "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}]}",
         "not a point"},
    };
    const char *twice = apr_pstrcat(pool, "{\"keys\":[{\"kid\":\"a\",", ec_key + 1,
                                    ",{\"kid\":\"a\",", ec_key + 1, "]}", NULL);
    const char *use =
        apr_pstrcat(pool, "{\"keys\":[{\"use\":\"enc\",", ec_key + 1, ",", rsa_key, "]}", NULL);
    fhir_jwks_t set;
    for (int i = 0; i < (int)TAP_COUNT(cases); i++)
        refused(fhir_jwks_parse(&set, cases[i].keys, strlen(cases[i].keys), pool), cases[i].part,
                cases[i].keys);
    refused(fhir_jwks_parse(&set, twice, strlen(twice), pool), "twice", "a kid that repeats");
    tap_no_err(fhir_jwks_parse(&set, use, strlen(use), pool), "a key for encryption beside one");
    tap_is_int(set.n, 1, "is passed over");
}

static void test_claims(void)
{
    const char *text = make_token("{\"alg\":\"RS256\"}",
                                  "{\"exp\":12.9,\"nbf\":\"5\",\"iat\":1e400,\"aud\":[\"a\",\"b\"],"
                                  "\"iss\":\"x\"}",
                                  "x");
    fhir_jwt_t jwt;
    apr_int64_t n = 0;
    tap_no_err(fhir_jwt_parse(&jwt, text, strlen(text), pool), "claims");
    tap_ok(fhir_jwt_number(&n, &jwt, "exp") && n == 12, "a number");
    tap_ok(!fhir_jwt_number(&n, &jwt, "nbf"), "a text is none");
    tap_ok(!fhir_jwt_number(&n, &jwt, "iat"), "nor is what no double holds");
    tap_ok(!fhir_jwt_number(&n, &jwt, "none"), "nor what is not there");
    tap_ok(fhir_jwt_has(&jwt, "aud", "b") && !fhir_jwt_has(&jwt, "aud", "c"), "an array");
    tap_ok(fhir_jwt_has(&jwt, "iss", "x") && !fhir_jwt_has(&jwt, "iss", ""), "a text");
}

int main(void)
{
    pool = tap_start();
    test_examples();
    test_thumbprint();
    test_own("RS256");
    if (!getenv("FHIR_TEST_SLOW")) /* to make an RSA key takes half a minute under valgrind */
        test_own("RS384");
    test_own("ES256");
    test_own("ES384");
    test_bad_tokens();
    test_bad_keys();
    test_claims();
    return tap_done();
}
