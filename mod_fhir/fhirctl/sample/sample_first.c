/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed patients. Ages are in days before the last day of the data, so that a newborn stays
 * one. */
#include "fhirctl/sample/sample_first.h"

#include <stddef.h>

#define YEARS(years, days) ((years)*36525 / 100 + (days))
#define NO_NAME                                                                                    \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

/* clang-format off */
const sample_first_t sample_first[] = {
    {"amara-okafor", {"Amara", NULL}, {"Ngozi", NULL}, {"Okafor", NULL}, {"Eze", NULL}, 5, 1, YEARS(52, 100), 0, 10,
        WEALTH_RICH, ORG_INTERNAL, SHOWS_STUDIES | SHOWS_WORK | SHOWS_PREFERENCES | SHOWS_HOME_MONITOR | SHOWS_EVERY_INTENT,
        CODE_LANG_EN, CODE_MARRIED, CODE_SMOKE_FORMER,
        {{ILL_DIABETES, 44}, {ILL_HYPERTENSION, 41}, {ILL_HYPERLIPIDEMIA, 43}, {ILL_OBESITY, 35}}},
    {"jose-ibanez-soto", {"José", NULL}, {"Luis", NULL}, {"Ibáñez Soto", NULL}, {"Soto", NULL}, 2, 0, YEARS(68, 33), 0, 10,
        WEALTH_RICH, ORG_INTERNAL, SHOWS_DEVICE | SHOWS_DIRECTIVES | SHOWS_INTERPRETER | SHOWS_STUDIES | SHOWS_PLAIN_TEAM |
            SHOWS_UNTIMED,
        CODE_LANG_ES, CODE_WIDOWED, CODE_SMOKE_FORMER,
        {{ILL_CORONARY, 59}, {ILL_HEART_FAILURE, 62}, {ILL_AFIB, 63}, {ILL_HYPERTENSION, 48}, {ILL_CKD3, 65}}},
    {"siobhan-o-brien", {"Siobhán", NULL}, {"Claire", NULL}, {"O'Brien", NULL}, {"Fitzgerald", NULL}, 1, 1, YEARS(31, 210), 0, 10,
        WEALTH_ORDINARY, ORG_FAMILY, SHOWS_BIRTH | SHOWS_WORK | SHOWS_PREFERENCES, CODE_LANG_EN, CODE_MARRIED, CODE_SMOKE_NEVER,
        {{ILL_MIGRAINE, 19}, {ILL_ANEMIA, 30}}},
    {"liam-o-brien", {"Liam", NULL}, NO_NAME, {"O'Brien", NULL}, NO_NAME, 1, 0, SAMPLE_BIRTH_DAYS, 0, 10,
        WEALTH_ORDINARY, ORG_PEDIATRIC, SHOWS_NEWBORN | SHOWS_DECLINED | SHOWS_PLAIN_TEAM, CODE_LANG_EN, CODE_SINGLE, CODE_NONE, {{ILL_HYPERTENSION, 0}}},
    {"wei-chen", {"Wei", "伟"}, NO_NAME, {"Chen", "陈"}, NO_NAME, 6, 0, YEARS(9, 77), 0, 10,
        WEALTH_RICH, ORG_PEDIATRIC, SHOWS_INTERPRETER | SHOWS_DECLINED | SHOWS_PLAIN_TEAM, CODE_LANG_ZH, CODE_SINGLE, CODE_NONE,
        {{ILL_CHILD_ASTHMA, 5}, {ILL_RHINITIS, 7}}},
    {"olga-kuznetsova", {"Olga", "Ольга"}, {"Irina", "Ирина"}, {"Kuznetsova", "Кузнецова"}, NO_NAME, 11, 1, YEARS(84, 12), 143, 10,
        WEALTH_ORDINARY, ORG_INTERNAL, SHOWS_DIRECTIVES, CODE_LANG_RU, CODE_WIDOWED, CODE_SMOKE_NEVER,
        {{ILL_OSTEOPOROSIS, 70}, {ILL_HYPERTENSION, 61}, {ILL_HEART_FAILURE, 80}, {ILL_OSTEOARTHRITIS, 66}}},
    {"dawn-yazzie", {"Dawn", NULL}, {"Marie", NULL}, {"Yazzie", NULL}, NO_NAME, 14, 1, YEARS(45, 260), 0, 10,
        WEALTH_ORDINARY, ORG_HEALTH_CENTER, SHOWS_NEEDS | SHOWS_TRIBE | SHOWS_WORK, CODE_LANG_EN, CODE_DIVORCED, CODE_SMOKE_SOMEDAY,
        {{ILL_DEPRESSION, 38}, {ILL_BACK_PAIN, 40}, {ILL_PREDIABETES, 44}}},
    {"marcus-jackson", {"Marcus", NULL}, {"Andre", NULL}, {"Jackson", NULL}, NO_NAME, 4, 0, YEARS(39, 5), 0, 10,
        WEALTH_ORDINARY, ORG_FAMILY, SHOWS_UNKNOWNS | SHOWS_HOME_MONITOR, CODE_LANG_EN, CODE_SINGLE, CODE_SMOKE_UNKNOWN,
        {{ILL_HYPERTENSION, 33}, {ILL_SLEEP_APNEA, 36}}},
    {"thi-huong-nguyen", {"Thị Hương", NULL}, NO_NAME, {"Nguyễn", NULL}, NO_NAME, 7, 1, YEARS(74, 180), 0, 7,
        WEALTH_RICH, ORG_HEALTH_CENTER, SHOWS_DEVICE | SHOWS_SEX_CODING, CODE_LANG_EN, CODE_MARRIED, CODE_SMOKE_NEVER,
        {{ILL_DIABETES, 52}, {ILL_HYPERTENSION, 50}, {ILL_DIABETIC_KIDNEY, 61}, {ILL_OSTEOARTHRITIS, 58}, {ILL_HYPERLIPIDEMIA, 52}}},
    {"jurgen-gross", {"Jürgen", NULL}, NO_NAME, {"Groß", NULL}, NO_NAME, 13, 0, YEARS(27, 301), 0, 10,
        WEALTH_EMPTY, ORG_FAMILY, SHOWS_SEX_CODE, CODE_LANG_EN, CODE_SINGLE, CODE_NONE, {{ILL_HYPERTENSION, 0}}},
    {"ines-da-silva", {"Inês", NULL}, {"Maria", NULL}, {"da Silva", NULL}, NO_NAME, 12, 1, YEARS(15, 40), 0, 10,
        WEALTH_ORDINARY, ORG_PEDIATRIC, SHOWS_SEX_CODING, CODE_LANG_PT, CODE_SINGLE, CODE_SMOKE_NEVER,
        {{ILL_ECZEMA, 2}, {ILL_RHINITIS, 8}}},
    {"robert-van-dyke", {"Robert", NULL}, {"James", NULL}, {"Van Dyke", NULL}, NO_NAME, 0, 0, YEARS(79, 150), 0, 4,
        WEALTH_ORDINARY, ORG_FAMILY, SHOWS_UNKNOWNS, CODE_LANG_EN, CODE_MARRIED, CODE_SMOKE_DAILY,
        {{ILL_SLEEP_APNEA, 58}, {ILL_OSTEOARTHRITIS, 70}}},
};
/* clang-format on */
const int sample_first_count = sizeof(sample_first) / sizeof(*sample_first);
