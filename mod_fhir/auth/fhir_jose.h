/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_jose.h
 * @brief JSON Web Keys and signed JSON Web Tokens: the part that SMART needs.
 *
 * Tokens are compact JWS, signed with RS256, RS384, ES256 or ES384; nothing else is verified, so
 * neither `none` nor a public key used as a secret can pass. What the claims mean is the caller's
 * business. Messages of errors name what is wrong and go to the client.
 * Source: RFC 7515, 7517, 7518, 7519, 7638;
 * https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
 */
#ifndef FHIR_JOSE_H
#define FHIR_JOSE_H

#include <apr_pools.h>
#include <openssl/evp.h>

#include "core/fhir_err.h"
#include "core/fhir_node.h"

#define FHIR_JWT_MAX       16384 /* bytes of a token that are read */
#define FHIR_JWKS_MAX      65536 /* bytes of a key set */
#define FHIR_JWKS_KEYS_MAX 64

typedef struct fhir_jwk_t {
    const char *kid; /* or NULL */
    const char *alg; /* or NULL: any that fits the key */
    const char *kty; /* "RSA", "EC" */
    EVP_PKEY *key;   /* public; freed with the pool */
} fhir_jwk_t;

struct fhir_jwks_t {
    int n;
    fhir_jwk_t *keys;
};
typedef struct fhir_jwks_t fhir_jwks_t;

/**
 * Reads a key set, or one key, as JSON. Keys of other types, for encryption, or not for signatures
 * are skipped. Errors are RSA keys of less than 2048 bits, points off their curve, a repeated kid,
 * and private members, because a private key that was sent is no longer secret.
 * @return NULL, FHIR_ERR_SYNTAX (JSON), FHIR_ERR_BAD_REQUEST (keys), FHIR_ERR_TOO_LARGE
 */
fhir_err_t *fhir_jwks_parse(fhir_jwks_t *out, const char *json, apr_size_t len, apr_pool_t *pool);

typedef struct fhir_jwt_t {
    const fhir_node_t *header, *claims;
    const char *alg, *kid, *typ, *jku; /* of the header; alg is never NULL */
    const char *input;                 /* what is signed */
    apr_size_t input_len;
    const unsigned char *signature;
    apr_size_t signature_len;
} fhir_jwt_t;

/**
 * Parses a compact JWS; nothing is verified. Errors are more or fewer than three parts, characters
 * outside of base64url, a header or claims that are not a JSON object, `crit`, an `alg` other than
 * the four, and an unsecured token.
 * @return NULL, FHIR_ERR_BAD_REQUEST or FHIR_ERR_TOO_LARGE
 */
fhir_err_t *fhir_jwt_parse(fhir_jwt_t *out, const char *text, apr_size_t len, apr_pool_t *pool);

/** Verifies the signature with the keys that fit: those of its type with the token's kid or without
 *  any, or, when it names none, each of its type.
 *  @return NULL or FHIR_ERR_BAD_REQUEST (no such key; wrong signature) */
fhir_err_t *fhir_jwt_verify(const fhir_jwt_t *jwt, const fhir_jwks_t *keys, apr_pool_t *pool);

/** A number of the claims (seconds since 1970, without fractions); 0 if it is missing or not a
 *  number. */
int fhir_jwt_number(apr_int64_t *out, const fhir_jwt_t *jwt, const char *name);
/** 1 if the claim is that text, or an array that holds it (aud). */
int fhir_jwt_has(const fhir_jwt_t *jwt, const char *name, const char *text);

/* The functions below return FHIR_ERR_INTERNAL when OpenSSL fails. */

/** Signs claims (JSON) as alg "RS256", "RS384", "ES256" or "ES384".
 *  @return NULL, or FHIR_ERR_INTERNAL, also for another alg */
fhir_err_t *fhir_jwt_sign(const char **out, const char *claims, const char *alg, const char *kid,
                          EVP_PKEY *key, apr_pool_t *pool);

/** A new key pair for an alg; freed with the pool.
 *  @return NULL, or FHIR_ERR_INTERNAL, also for another alg */
fhir_err_t *fhir_jwk_generate(EVP_PKEY **key, const char *alg, apr_pool_t *pool);
/** 1 if alg is one of the four. */
int fhir_jose_alg_is_known(const char *alg);
/** A private key from PEM; freed with the pool.
 *  @return NULL, or FHIR_ERR_BAD_REQUEST for another text and for a key with a password */
fhir_err_t *fhir_jwk_read_pem(EVP_PKEY **key, const char *pem, apr_pool_t *pool);
/** A private key as PEM (PKCS #8, not encrypted). @return NULL, or FHIR_ERR_INTERNAL */
fhir_err_t *fhir_jwk_write_pem(const char **pem, EVP_PKEY *key, apr_pool_t *pool);
/** The public key as a JWK of its canonical members, with kid and alg if they are given.
 *  @return NULL, FHIR_ERR_INTERNAL, or FHIR_ERR_BAD_REQUEST for a key that is neither RSA nor EC on
 *          P-256 or P-384 */
fhir_err_t *fhir_jwk_print(const char **json, EVP_PKEY *key, const char *kid, const char *alg,
                           apr_pool_t *pool);
/** The key's name by its content: RFC 7638, SHA-256. @return as fhir_jwk_print */
fhir_err_t *fhir_jwk_thumbprint(const char **kid, EVP_PKEY *key, apr_pool_t *pool);

#endif
