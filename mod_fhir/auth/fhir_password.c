/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords. The hash is APR-util's bcrypt. */
#include "auth/fhir_password.h"
#include "core/fhir_random.h"

#include <apr_md5.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <string.h>

#include "auth/fhir_auth_private.h"

#define COST 10 /* takes 60 ms on the machine that docs/operating.md measures on */

/* A hash of the same cost that belongs to no password: checked for unknown users, so that they take
 * the same time. */
static const char nobody[] = "$2y$10$abcdefghijklmnopqrstuuEq8wPHfgvlw1vXhV.kEVO0pSpMQ5J3m";

const char *fhir_password_fault(const char *password, const char *user)
{
    apr_size_t len = strlen(password);
    if (len < FHIR_PASSWORD_MIN)
        return "password-short";
    if (len > FHIR_PASSWORD_MAX)
        return "password-long";
    if (!strcasecmp(password, user) || strspn(password, (char[]){*password, '\0'}) == len)
        return "password-simple";
    return NULL;
}

fhir_err_t *fhir_password_hash(const char **hash, const char *password, apr_pool_t *pool)
{
    unsigned char salt[16];
    char *out = apr_palloc(pool, 100);
    FHIR_TRY(fhir_random_bytes(salt, sizeof(salt), pool));
    apr_status_t rv = apr_bcrypt_encode(password, COST, salt, sizeof(salt), out, 100);
    if (rv)
        return fhir_err_apr(pool, FHIR_ERR_INTERNAL, rv, "The password could not be hashed");
    *hash = out;
    return NULL;
}

fhir_auth_password_t fhir_password_check(fhir_err_t **err, const char *user, const char *password,
                                         const char *tenant, fhir_store_t *store, apr_pool_t *pool)
{
    fhir_auth_one_t found = {NULL, pool};
    *err = fhir_auth_sql_in(store, tenant, "SELECT password FROM @user WHERE name = $1",
                            FHIR_STMT_SHORT, 1, &user, fhir_auth_read_one, &found, NULL, pool);
    if (*err)
        return FHIR_AUTH_PASSWORD_ERROR;
    int right = apr_password_validate(password, found.text ? found.text : nobody) == APR_SUCCESS;
    return right && found.text ? FHIR_AUTH_PASSWORD_RIGHT : FHIR_AUTH_PASSWORD_WRONG;
}
