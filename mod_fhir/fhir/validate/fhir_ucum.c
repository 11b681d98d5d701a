/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes of the Unified Code for Units of Measure, case sensitive: the grammar and the atoms.
 * fhirpath/fhir_path_quantity.c knows the meaning of units, as far as it needs it.
 * Source: https://ucum.org/ucum, sections 2.1 to 2.4 and tables 1 to 25
 */
#include "fhir/validate/fhir_ucum.h"

#include <apr_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct atom_t {
    const char *code;
    int metric; /* takes prefixes */
} atom_t;
typedef struct text_t {
    const char *s;
    apr_size_t len;
} text_t;

/* Sorted by bytes. */
static const atom_t atoms[] = {
    {"%", 0},           {"%[slope]", 0},  {"'", 0},          {"''", 0},
    {"10*", 0},         {"10^", 0},       {"A", 1},          {"AU", 0},
    {"Ao", 0},          {"B", 1},         {"B[10.nV]", 1},   {"B[SPL]", 1},
    {"B[V]", 1},        {"B[W]", 1},      {"B[kW]", 1},      {"B[mV]", 1},
    {"B[uV]", 1},       {"Bd", 1},        {"Bi", 1},         {"Bq", 1},
    {"By", 1},          {"C", 1},         {"Cel", 1},        {"Ci", 1},
    {"F", 1},           {"G", 1},         {"Gal", 1},        {"Gb", 1},
    {"Gy", 1},          {"H", 1},         {"Hz", 1},         {"J", 1},
    {"K", 1},           {"Ky", 1},        {"L", 1},          {"Lmb", 1},
    {"Mx", 1},          {"N", 1},         {"Np", 1},         {"Oe", 1},
    {"Ohm", 1},         {"P", 1},         {"Pa", 1},         {"R", 1},
    {"RAD", 1},         {"REM", 1},       {"S", 1},          {"St", 1},
    {"Sv", 1},          {"T", 1},         {"U", 1},          {"V", 1},
    {"W", 1},           {"Wb", 1},        {"[APL'U]", 0},    {"[AU]", 0},
    {"[Amb'a'1'U]", 0}, {"[BAU]", 0},     {"[Btu]", 0},      {"[Btu_39]", 0},
    {"[Btu_59]", 0},    {"[Btu_60]", 0},  {"[Btu_IT]", 0},   {"[Btu_m]", 0},
    {"[Btu_th]", 0},    {"[CCID_50]", 0}, {"[CFU]", 0},      {"[Cal]", 0},
    {"[Ch]", 0},        {"[D'ag'U]", 0},  {"[EID_50]", 0},   {"[ELU]", 0},
    {"[EU]", 0},        {"[FEU]", 0},     {"[FFU]", 0},      {"[FNU]", 0},
    {"[GPL'U]", 0},     {"[G]", 1},       {"[HPF]", 0},      {"[HP]", 0},
    {"[IR]", 0},        {"[IU]", 1},      {"[LPF]", 0},      {"[Lf]", 0},
    {"[MET]", 0},       {"[MPL'U]", 0},   {"[NTU]", 0},      {"[PFU]", 0},
    {"[PNU]", 0},       {"[PRU]", 0},     {"[S]", 0},        {"[TCID_50]", 0},
    {"[USP'U]", 0},     {"[acr_br]", 0},  {"[acr_us]", 0},   {"[anti'Xa'U]", 0},
    {"[arb'U]", 0},     {"[bbl_us]", 0},  {"[bdsk'U]", 0},   {"[beth'U]", 0},
    {"[bf_i]", 0},      {"[bu_br]", 0},   {"[bu_us]", 0},    {"[c]", 1},
    {"[car_Au]", 0},    {"[car_m]", 0},   {"[cft_i]", 0},    {"[ch_br]", 0},
    {"[ch_us]", 0},     {"[cicero]", 0},  {"[cin_i]", 0},    {"[cml_i]", 0},
    {"[cr_i]", 0},      {"[crd_us]", 0},  {"[cup_m]", 0},    {"[cup_us]", 0},
    {"[cyd_i]", 0},     {"[degF]", 0},    {"[degR]", 0},     {"[degRe]", 0},
    {"[den]", 0},       {"[didot]", 0},   {"[diop]", 0},     {"[dpt_us]", 0},
    {"[dqt_us]", 0},    {"[dr_ap]", 0},   {"[dr_av]", 0},    {"[drp]", 0},
    {"[dye'U]", 0},     {"[e]", 1},       {"[eps_0]", 1},    {"[fdr_br]", 0},
    {"[fdr_us]", 0},    {"[foz_br]", 0},  {"[foz_m]", 0},    {"[foz_us]", 0},
    {"[ft_br]", 0},     {"[ft_i]", 0},    {"[ft_us]", 0},    {"[fth_br]", 0},
    {"[fth_i]", 0},     {"[fth_us]", 0},  {"[fur_us]", 0},   {"[g]", 1},
    {"[gal_br]", 0},    {"[gal_us]", 0},  {"[gal_wi]", 0},   {"[gil_br]", 0},
    {"[gil_us]", 0},    {"[gr]", 0},      {"[h]", 1},        {"[hd_i]", 0},
    {"[hnsf'U]", 0},    {"[hp'_C]", 0},   {"[hp'_M]", 0},    {"[hp'_Q]", 0},
    {"[hp'_X]", 0},     {"[hp_C]", 0},    {"[hp_M]", 0},     {"[hp_Q]", 0},
    {"[hp_X]", 0},      {"[iU]", 1},      {"[in_br]", 0},    {"[in_i'H2O]", 0},
    {"[in_i'Hg]", 0},   {"[in_i]", 0},    {"[in_us]", 0},    {"[k]", 1},
    {"[ka'U]", 0},      {"[kn_br]", 0},   {"[kn_i]", 0},     {"[knk'U]", 0},
    {"[kp_C]", 0},      {"[kp_M]", 0},    {"[kp_Q]", 0},     {"[kp_X]", 0},
    {"[lb_ap]", 0},     {"[lb_av]", 0},   {"[lb_tr]", 0},    {"[lbf_av]", 0},
    {"[lcwt_av]", 0},   {"[ligne]", 0},   {"[lk_br]", 0},    {"[lk_us]", 0},
    {"[lne]", 0},       {"[lton_av]", 0}, {"[ly]", 1},       {"[m/s2/Hz^0.5]", 0},
    {"[m_e]", 1},       {"[m_p]", 1},     {"[mclg'U]", 0},   {"[mesh_i]", 0},
    {"[mi_br]", 0},     {"[mi_i]", 0},    {"[mi_us]", 0},    {"[mil_i]", 0},
    {"[mil_us]", 0},    {"[min_br]", 0},  {"[min_us]", 0},   {"[mu_0]", 1},
    {"[nmi_br]", 0},    {"[nmi_i]", 0},   {"[oz_ap]", 0},    {"[oz_av]", 0},
    {"[oz_m]", 0},      {"[oz_tr]", 0},   {"[p'diop]", 0},   {"[pH]", 0},
    {"[pc_br]", 0},     {"[pca]", 0},     {"[pca_pr]", 0},   {"[pi]", 0},
    {"[pied]", 0},      {"[pk_br]", 0},   {"[pk_us]", 0},    {"[pnt]", 0},
    {"[pnt_pr]", 0},    {"[pouce]", 0},   {"[ppb]", 0},      {"[ppm]", 0},
    {"[ppth]", 0},      {"[pptr]", 0},    {"[psi]", 0},      {"[pt_br]", 0},
    {"[pt_us]", 0},     {"[pwt_tr]", 0},  {"[qt_br]", 0},    {"[qt_us]", 0},
    {"[rch_us]", 0},    {"[rd_br]", 0},   {"[rd_us]", 0},    {"[rlk_us]", 0},
    {"[sc_ap]", 0},     {"[sct]", 0},     {"[scwt_av]", 0},  {"[sft_i]", 0},
    {"[sin_i]", 0},     {"[smgy'U]", 0},  {"[smi_us]", 0},   {"[smoot]", 0},
    {"[srd_us]", 0},    {"[ston_av]", 0}, {"[stone_av]", 0}, {"[syd_i]", 0},
    {"[tb'U]", 0},      {"[tbs_m]", 0},   {"[tbs_us]", 0},   {"[todd'U]", 0},
    {"[tsp_m]", 0},     {"[tsp_us]", 0},  {"[twp]", 0},      {"[wood'U]", 0},
    {"[yd_br]", 0},     {"[yd_i]", 0},    {"[yd_us]", 0},    {"a", 0},
    {"a_g", 0},         {"a_j", 0},       {"a_t", 0},        {"ar", 1},
    {"att", 1},         {"b", 1},         {"bar", 1},        {"bit", 1},
    {"bit_s", 0},       {"cal", 1},       {"cal_IT", 1},     {"cal_[15]", 1},
    {"cal_[20]", 1},    {"cal_m", 1},     {"cal_th", 1},     {"cd", 1},
    {"circ", 0},        {"d", 0},         {"deg", 0},        {"dyn", 1},
    {"eV", 1},          {"eq", 1},        {"erg", 1},        {"g", 1},
    {"g%", 1},          {"gf", 1},        {"gon", 0},        {"h", 0},
    {"kat", 1},         {"l", 1},         {"lm", 1},         {"lx", 1},
    {"m", 1},           {"m[H2O]", 1},    {"m[Hg]", 1},      {"mho", 1},
    {"min", 0},         {"mo", 0},        {"mo_g", 0},       {"mo_j", 0},
    {"mo_s", 0},        {"mol", 1},       {"osm", 1},        {"pc", 1},
    {"ph", 1},          {"rad", 1},       {"s", 1},          {"sb", 1},
    {"sph", 0},         {"sr", 1},        {"st", 1},         {"t", 1},
    {"tex", 1},         {"u", 1},         {"wk", 0},
};
static const char *const prefixes[] = {"Y", "Z",  "E", "P", "T",  "G",  "M",  "k",
                                       "h", "da", "d", "c", "m",  "u",  "n",  "p",
                                       "f", "a",  "z", "y", "Ki", "Mi", "Gi", "Ti"};

#define DEPTH_MAX 32

typedef struct scan_t {
    const char *s, *end;
    int depth;
} scan_t;

static int by_code(const void *key, const void *row)
{
    const text_t *text = key;
    const char *code = ((const atom_t *)row)->code;
    int order = strncmp(text->s, code, text->len);

    return order ? order : -(code[text->len] != '\0');
}

static const atom_t *find(const char *s, apr_size_t len)
{
    const text_t key = {s, len};

    return bsearch(&key, atoms, sizeof(atoms) / sizeof(atoms[0]), sizeof(atoms[0]), by_code);
}

static int is_unit(const char *s, apr_size_t len)
{
    if (find(s, len))
        return 1;
    for (apr_size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        apr_size_t skip = strlen(prefixes[i]);
        const atom_t *atom =
            len > skip && !memcmp(s, prefixes[i], skip) ? find(s + skip, len - skip) : NULL;

        if (atom && atom->metric)
            return 1;
    }
    return 0;
}

static int at(const scan_t *scan, char c)
{
    return scan->s < scan->end && *scan->s == c;
}

static apr_size_t digits(scan_t *scan)
{
    const char *from = scan->s;

    while (scan->s < scan->end && apr_isdigit(*scan->s))
        scan->s++;
    return (apr_size_t)(scan->s - from);
}

/* Up to an operator, a digit, a sign or a brace outside of brackets. */
static int symbol(scan_t *scan)
{
    const char *from = scan->s;

    while (scan->s < scan->end && !apr_isdigit(*scan->s) && !strchr("./(){}+-", *scan->s)) {
        if (*scan->s == '[' && !(scan->s = memchr(scan->s, ']', (apr_size_t)(scan->end - scan->s))))
            return 0;
        scan->s++;
    }
    return scan->s > from && is_unit(from, (apr_size_t)(scan->s - from));
}

static int exponent(scan_t *scan)
{
    if (at(scan, '+') || at(scan, '-')) {
        scan->s++;
        return digits(scan) > 0;
    }
    digits(scan);
    return 1;
}

static int annotation(scan_t *scan)
{
    if (!at(scan, '{'))
        return 1;
    for (scan->s++; scan->s < scan->end && *scan->s != '}'; scan->s++)
        if (*scan->s < '!' || *scan->s > '~' || *scan->s == '{')
            return 0;
    return scan->s++ < scan->end;
}

static int term(scan_t *scan);

static int component(scan_t *scan)
{
    if (at(scan, '{'))
        return annotation(scan);
    if (at(scan, '(')) {
        scan->s++;
        if (!term(scan) || !at(scan, ')'))
            return 0;
        scan->s++;
        return 1;
    }
    if (scan->s < scan->end && apr_isdigit(*scan->s)) {
        const char *from = scan->s;

        if (digits(scan) != 2 || memcmp(from, "10", 2) != 0 || !(at(scan, '*') || at(scan, '^')))
            return annotation(scan);
        scan->s++;
        return exponent(scan) && annotation(scan);
    }
    return symbol(scan) && exponent(scan) && annotation(scan);
}

static int term(scan_t *scan)
{
    if (++scan->depth > DEPTH_MAX)
        return 0;
    if (at(scan, '/'))
        scan->s++;
    int ok = component(scan);
    while (ok && (at(scan, '.') || at(scan, '/'))) {
        scan->s++;
        ok = component(scan);
    }
    scan->depth--;
    return ok;
}

int fhir_ucum_valid(const char *code, apr_size_t len)
{
    scan_t scan = {code, code + len, 0};

    return len && term(&scan) && scan.s == scan.end;
}
