/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file fhir_seal.h
 * @brief Sealed words: text that travels through a client, who can neither read nor alter it.
 *
 * The construction is that of SIV (RFC 5297) with HMAC-SHA256 and AES-256-CTR: the HMAC of context
 * and text, cut to 16 bytes, is the tag and at once the start of the counter. Equal input gives an
 * equal word, and no nonce can be used twice for different texts.
 */
#ifndef FHIR_SEAL_H
#define FHIR_SEAL_H

#include "core/fhir_err.h"

#define FHIR_SEAL_KEY      32    /* bytes of a key */
#define FHIR_SEAL_WORD_MAX 16384 /* letters of the longest word that is opened */

/** A key made ready, constant and usable by all threads: OpenSSL takes longer to find an algorithm
 *  by its name than to run it over a short text. */
typedef struct fhir_seal_key_t fhir_seal_key_t;

/**
 * Makes FHIR_SEAL_KEY bytes ready for use as long as pool lives.
 * @param purpose  what the words are for: those of one purpose do not open as those of another
 * @return NULL, or FHIR_ERR_INTERNAL if OpenSSL has no HMAC-SHA256 or AES-256-CTR
 */
fhir_err_t *fhir_seal_key_create(const fhir_seal_key_t **key, const unsigned char *bytes,
                                 const char *purpose, apr_pool_t *pool);

/** What is sealed or opened, and what the word is bound to. */
typedef struct fhir_seal_text_t {
    const void *context; /* not in the word; the same bytes must be given to open it */
    apr_size_t context_len;
    const void *text;
    apr_size_t len;
} fhir_seal_text_t;

/** Seals a text into a word of base64url.
 *  @return NULL, or FHIR_ERR_INTERNAL if OpenSSL fails */
fhir_err_t *fhir_seal(const char **word, const fhir_seal_text_t *text, const fhir_seal_key_t *key,
                      apr_pool_t *pool);

/** Opens a word: sets text and len of `text`, whose context is given. The text lies in pool, with a
 *  NUL behind it.
 *  @return 1, or 0 if the word was not made with this key, purpose and context, or was altered */
int fhir_seal_open(fhir_seal_text_t *text, const char *word, const fhir_seal_key_t *key,
                   apr_pool_t *pool);

#endif
