/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, hexadecimal digits, digests, random words, sealed words. */
#include "core/fhir_base64.h"
#include "core/fhir_buf.h"
#include "core/fhir_digest.h"
#include "core/fhir_hex.h"
#include "core/fhir_multipart.h"
#include "core/fhir_picture.h"
#include "core/fhir_random.h"
#include "core/fhir_seal.h"
#include "tap.h"

#include <apr_strings.h>

static const struct {
    const char *bytes, *plain;
} vectors[] = {
    /* RFC 4648 section 10 */
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xFB\xFF\xFE", "+//+"},
};

static void test_base64(apr_pool_t *pool)
{
    for (size_t i = 0; i < TAP_COUNT(vectors); i++) {
        const char *bytes = vectors[i].bytes, *plain = vectors[i].plain;
        tap_is_str(fhir_base64_encode(bytes, strlen(bytes), FHIR_BASE64_PLAIN, pool), plain,
                   "base64 of %d bytes", (int)strlen(bytes));
        apr_size_t n;
        char *got;
        tap_ok(fhir_base64_decode(&got, &n, plain, strlen(plain), FHIR_BASE64_PLAIN, pool),
               "%s is base64", plain);
        tap_is_mem(got, n, bytes, strlen(bytes), "%s decodes", plain);
    }
    tap_is_str(fhir_base64_encode("\xFB\xFF\xFE\x01", 4, FHIR_BASE64_TOKEN, pool), "-__-AQ",
               "base64url without padding");
    tap_is_str(fhir_base64_encode("\xFB\xFF\xFE\x01", 4, FHIR_BASE64_URL, pool),
               "-__-AQ==", "base64url with padding");
}

static const struct {
    const char *text;
    int form, whole;
    const char *want; /* what is decoded nevertheless */
} decodings[] = {
    {"Zm9v Ym\r\nFy\t", FHIR_BASE64_SPACES, 1, "foobar"},
    {"Zg = =", FHIR_BASE64_SPACES, 1, "f"},
    {"Zm9v YmFy", FHIR_BASE64_PLAIN, 0, "foo"},
    {"Zg", FHIR_BASE64_PLAIN, 0, "f"},
    {"Zg=", FHIR_BASE64_PLAIN, 0, "f"},
    {"Zg===", FHIR_BASE64_PLAIN, 0, "f"},
    {"Zm9v=", FHIR_BASE64_PLAIN, 0, "foo"},
    {"Zg==Zg==", FHIR_BASE64_PLAIN, 0, "f"},
    {"Z", FHIR_BASE64_PLAIN, 0, ""},
    {"Zm9vY", FHIR_BASE64_NOPADDING, 0, "foo"},
    {"Zh==", FHIR_BASE64_PLAIN, 0, "f"}, /* bits left over */
    {"Zm9", FHIR_BASE64_TOKEN, 0, "fo"},
    {"Zm8", FHIR_BASE64_TOKEN, 1, "fo"},
    {"Zm8=", FHIR_BASE64_TOKEN, 0, "fo"},
    {"+//+", FHIR_BASE64_TOKEN, 0, ""},
    {"-__-", FHIR_BASE64_PLAIN, 0, ""},
    {"Zm9v!mFy", FHIR_BASE64_PLAIN, 0, "foo"},
};

static void test_decodings(apr_pool_t *pool)
{
    for (size_t i = 0; i < TAP_COUNT(decodings); i++) {
        const char *text = decodings[i].text;
        apr_size_t n;
        char *got;
        int whole = fhir_base64_decode(&got, &n, text, strlen(text), decodings[i].form, pool);
        tap_is_int(whole, decodings[i].whole, "\"%s\" in form %d", text, decodings[i].form);
        tap_is_str(got, decodings[i].want, "what \"%s\" decodes to", text);
        tap_is_int((int)n, (int)strlen(decodings[i].want), "its length");
    }
    apr_size_t n;
    char *got;
    tap_ok(!fhir_base64_decode(&got, &n, "Zm9v\0YmFy", 9, FHIR_BASE64_PLAIN, pool), "a NUL in it");
    tap_is_int((int)n, 3, "ends what is decoded");
}

static void test_hex(void)
{
    unsigned char bytes[16];
    tap_ok(fhir_hex_decode(bytes, "000102030405F6e70819AabBCcDdEeFf", 32), "digits of both cases");
    char text[2 * sizeof(bytes) + 1];
    fhir_hex_encode(text, bytes, sizeof(bytes));
    tap_is_str(text, "000102030405f6e70819aabbccddeeff", "the same in lower case");
    tap_ok(fhir_hex_decode(bytes, "", 0), "no digit");
    tap_ok(!fhir_hex_decode(bytes, "012", 3), "an odd number is refused");
    tap_ok(!fhir_hex_decode(bytes, "0g", 2), "so is what is no digit");
    memset(bytes, 0xFF, sizeof(bytes));
    char uuid[FHIR_UUID_LEN + 1];
    fhir_hex_uuid(uuid, bytes, 5);
    tap_is_str(uuid, "ffffffff-ffff-5fff-bfff-ffffffffffff", "version and variant of a UUID");
}

static const struct {
    const char *text, *hex;
} digests[] = {
    /* FIPS 180-4's examples */
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void is_digest(const unsigned char *got, const char *want, const char *name,
                      apr_pool_t *pool)
{
    tap_is_str(fhir_digest_hex(got, pool), want, "%s", name);
}

static void test_digests(apr_pool_t *pool)
{
    unsigned char got[FHIR_DIGEST_LEN];
    for (size_t i = 0; i < TAP_COUNT(digests); i++) {
        const char *text = digests[i].text;
        fhir_digest_sha256(got, text, strlen(text));
        is_digest(got, digests[i].hex, text, pool);
        fhir_digest_ctx_t *digest = fhir_digest_create(pool);
        for (const char *at = text; *at; at++)
            fhir_digest_add(digest, at, 1);
        fhir_digest_finish(got, digest);
        is_digest(got, digests[i].hex, "the same in pieces", pool);
    }
    /* RFC 4231 test case 2 */
    fhir_digest_hmac(got, "Jefe", 4, "what do ya want for nothing?", 28);
    is_digest(got, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
              "HMAC-SHA256", pool);
    tap_ok(fhir_digest_equal("abc", "abc", 3), "equal");
    tap_ok(!fhir_digest_equal("abc", "abd", 3), "not equal");
    fhir_digest_wipe(got, sizeof(got));
    tap_is_mem(got, sizeof(got), (unsigned char[FHIR_DIGEST_LEN]){0}, sizeof(got), "wiped");
}

static void test_random(apr_pool_t *pool)
{
    unsigned char bytes[1000] = {0};
    int options = 0;
    int n_zero = 0;
    tap_no_err(fhir_random_bytes(bytes, sizeof(bytes), pool), "more than the kernel gives at once");
    for (size_t i = 0; i < sizeof(bytes); i++)
        n_zero += !bytes[i];
    tap_ok(n_zero < 50 && bytes[sizeof(bytes) - 1] + bytes[sizeof(bytes) - 2] +
                                  bytes[sizeof(bytes) - 3] + bytes[sizeof(bytes) - 4] >
                              0,
           "all of them are filled");
    const char *one;
    tap_no_err(fhir_random_word(&one, 32, pool), "a word");
    const char *two;
    tap_no_err(fhir_random_word(&two, 32, pool), "another");
    for (int i = 0; i < 2000; i++) {
        const char *word;
        if (fhir_random_word(&word, 1, pool) || *word == '-')
            options++;
    }
    tap_is_int(options, 0, "none looks like an option of a command");
    tap_is_int((int)strlen(one), 43, "32 bytes are 43 letters");
    tap_ok(strcmp(one, two) != 0, "two words differ");
    tap_no_err(fhir_random_id(&one, pool), "an id");
    tap_no_err(fhir_random_id(&two, pool), "another");
    tap_ok(strlen(one) == FHIR_UUID_LEN && one[14] == '7' && strchr("89ab", one[19]),
           "%s is a UUID of version 7", one);
    tap_ok(strncmp(one, two, 13) <= 0 && strcmp(one, two) != 0, "ids follow the time");
}

static int parts_of(fhir_parts_t *parts, const char *type, const char *body, apr_pool_t *pool)
{
    return fhir_multipart_parse(parts, type, body, strlen(body), pool) ? -1 : parts->n;
}

static void test_multipart(apr_pool_t *pool)
{
#define FIELD "Content-Disposition: form-data; name=\"a\"\r\n\r\n"
    static const char type[] = "multipart/form-data; boundary=B";
    static const struct {
        const char *body;
        int n;
    } cases[] = {
        {"--B--", 0},
        {"--B\r\n" FIELD "1\r\n--B--", 1},
        {"--B\r\n" FIELD "\r\n--B\r\n" FIELD "x\r\n--\r\n--B--\r\n", 2},
        {"", -1},
        {"--C--", -1},
        {"--B", -1},
        {"--B\r\n" FIELD "1", -1},
        {"--B\r\n" FIELD "1\r\n--B", -1},
        {"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n", -1},
        {"--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--", -1},
        {"--Bx\r\n" FIELD "1\r\n--B--", -1},
    };
    fhir_parts_t parts;
    fhir_buf_t *many = fhir_buf_create(pool, 0);
    tap_ok(fhir_multipart_is(type) && fhir_multipart_is("Multipart/Form-Data;boundary=\"x\"") &&
               !fhir_multipart_is("multipart/form-data-x") && !fhir_multipart_is(NULL),
           "what is a form with files");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        tap_is_int(parts_of(&parts, type, cases[i].body, pool), cases[i].n, "form %d", (int)i);
    tap_is_int(parts_of(&parts, "multipart/form-data", "--B--", pool), -1, "no boundary");
    tap_is_int(parts_of(&parts, "multipart/form-data; boundary=\"B\"", cases[2].body, pool), 2,
               "a boundary in quotes");
    tap_ok(parts.list[0].len == 0 && parts.list[1].len == 5 &&
               !memcmp(parts.list[1].data, "x\r\n--", 5) && !parts.list[1].is_file,
           "what is nearly a boundary is data");
    parts_of(&parts, type,
             "--B\r\ncontent-disposition: form-data; filename=\"\"; name=f\r\n\r\n\r\n--B--", pool);
    tap_ok(parts.n == 1 && parts.list[0].is_file, "a file that was not chosen is one");
    for (int i = 0; i <= FHIR_MULTIPART_PARTS; i++)
        fhir_buf_puts(many, "--B\r\n" FIELD "1\r\n");
    fhir_buf_puts(many, "--B--");
    tap_is_int(parts_of(&parts, type, fhir_buf_cstr(many), pool), -1, "too many fields");
}

static void test_picture(void)
{
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\1\0\x08\x06\0\0\0abcd";
    static const char jpeg[] = "\xff\xd8\xff\xe0\0\4ab\xff\xff\xc0\0\x11\x08\1\0\0\x30\3\1\x22\0";
    static const char svg[] = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script/></svg>........";
    fhir_picture_t p;
    tap_ok(fhir_picture_read(&p, png, sizeof(png) - 1) && p.width == 32 && p.height == 256, "PNG");
    tap_ok(fhir_picture_read(&p, jpeg, sizeof(jpeg) - 1) && p.width == 48 && p.height == 256,
           "JPEG");
    tap_ok(!fhir_picture_read(&p, svg, sizeof(svg) - 1), "SVG is no picture here");
    for (apr_size_t len = 0; len < 33; len++)
        if (fhir_picture_read(&p, png, len) || (len < 18 && fhir_picture_read(&p, jpeg, len)))
            tap_ok(0, "cut at %d", (int)len);
}

static const fhir_seal_key_t *key, *other_key, *other_purpose;

static int opens(fhir_seal_text_t *text, const char *word, const fhir_seal_key_t *with,
                 const char *context, apr_pool_t *pool)
{
    *text = (fhir_seal_text_t){.context = context, .context_len = strlen(context)};
    return fhir_seal_open(text, word, with, pool);
}

static const char *seal(const char *context, const char *text, apr_pool_t *pool)
{
    fhir_seal_text_t whole = {context, strlen(context), text, strlen(text)};
    const char *word = "";
    tap_no_err(fhir_seal(&word, &whole, key, pool), "seals \"%s\"", text);
    return word;
}

static void test_seal(apr_pool_t *pool)
{
    static const char *const texts[] = {"", "a", "Smith, sixteen bytes and more"};
    fhir_seal_text_t got;
    for (size_t i = 0; i < TAP_COUNT(texts); i++) {
        const char *word = seal("q", texts[i], pool);
        tap_ok(strlen(texts[i]) < 3 || !strstr(word, texts[i]), "the text cannot be read");
        tap_is_str(seal("q", texts[i], pool), word, "the same again");
        tap_ok(opens(&got, word, key, "q", pool), "opens");
        tap_is_str(got.text, texts[i], "as it was, with a NUL behind");
        tap_is_int((int)got.len, (int)strlen(texts[i]), "its length");
        tap_ok(!opens(&got, word, key, "r", pool), "not in another context");
        tap_ok(!opens(&got, word, other_key, "q", pool), "nor with another key");
        tap_ok(!opens(&got, word, other_purpose, "q", pool), "nor for another purpose");
        for (apr_size_t at = 0; word[at]; at++) {
            char *altered = apr_pstrdup(pool, word);
            altered[at] = altered[at] == 'A' ? 'B' : 'A';
            tap_ok(!opens(&got, altered, key, "q", pool), "letter %d altered", (int)at);
        }
        tap_ok(!opens(&got, apr_pstrcat(pool, word, "=", NULL), key, "q", pool), "padded");
    }
    tap_ok(!opens(&got, "", key, "q", pool), "an empty word");
    tap_ok(!opens(&got, "AAAA", key, "q", pool), "a short word");
    tap_ok(strcmp(seal("qa", "b", pool), seal("q", "ab", pool)) != 0,
           "where the context ends counts");
    char *most = apr_palloc(pool, FHIR_SEAL_WORD_MAX + 5);
    memset(most, 'A', FHIR_SEAL_WORD_MAX + 4);
    most[FHIR_SEAL_WORD_MAX + 4] = '\0';
    tap_ok(!opens(&got, most, key, "q", pool), "a word beyond the limit");
}

static void make_key(const fhir_seal_key_t **out, char fill, const char *purpose, apr_pool_t *pool)
{
    unsigned char bytes[FHIR_SEAL_KEY];
    memset(bytes, fill, sizeof(bytes));
    tap_no_err(fhir_seal_key_create(out, bytes, purpose, pool), "a key");
}

int main(void)
{
    apr_pool_t *pool = tap_start();
    test_base64(pool);
    test_decodings(pool);
    test_hex();
    test_digests(pool);
    test_random(pool);
    test_multipart(pool);
    test_picture();
    make_key(&key, 1, "test", pool);
    make_key(&other_key, 2, "test", pool);
    make_key(&other_purpose, 1, "other test", pool);
    test_seal(pool);
    return tap_done();
}
