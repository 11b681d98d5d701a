/* SPDX-License-Identifier: Apache-2.0 */
/* Name tables: common names of several heritages, with accents, apostrophes, hyphens, two words and
 * other scripts, because real record systems meet all of them. */
#include "fhirctl/sample/sample_names.h"

#include <stddef.h>

/* clang-format off */
#define N(...) { __VA_ARGS__, {NULL, NULL} }
#define L(name) {name, NULL}

static const sample_name_t english_f[] = N(L("Mary"), L("Linda"), L("Susan"), L("Karen"), L("Emma"), L("Olivia"),
    L("Grace"), L("Hannah"), L("Abigail"), L("Claire"), L("Ruth"), L("Dorothy"), L("Alice"), L("Joan"), L("Beth"),
    L("Rachel"), L("Megan"), L("Laura"), L("Amy"), L("Mary Ann"), L("Julia"), L("Nora"), L("Helen"), L("Judith"));
static const sample_name_t english_m[] = N(L("James"), L("Robert"), L("John"), L("William"), L("David"), L("Thomas"),
    L("Daniel"), L("Paul"), L("Mark"), L("George"), L("Kevin"), L("Brian"), L("Edward"), L("Ethan"), L("Noah"),
    L("Henry"), L("Walter"), L("Peter"), L("Samuel"), L("Jack"), L("Oliver"), L("Owen"), L("Carl"), L("Frank"));
static const sample_name_t english_l[] = N(L("Smith"), L("Johnson"), L("Miller"), L("Davis"), L("Wilson"), L("Anderson"),
    L("Taylor"), L("Moore"), L("Clark"), L("Lewis"), L("Walker"), L("Hall"), L("Young"), L("King"), L("Wright"),
    L("Baker"), L("Carter"), L("Parker"), L("Turner"), L("Cooper"), L("Reed"), L("Hayes-Porter"), L("St. James"), L("Van Dyke"));
static const sample_name_t irish_f[] = N(L("Siobhán"), L("Bridget"), L("Maeve"), L("Eileen"), L("Nuala"), L("Kathleen"), L("Aoife"), L("Sheila"));
static const sample_name_t irish_m[] = N(L("Seán"), L("Patrick"), L("Liam"), L("Brendan"), L("Declan"), L("Colm"), L("Conor"), L("Finbarr"));
static const sample_name_t irish_l[] = N(L("O'Brien"), L("O'Connor"), L("Murphy"), L("Kelly"), L("O'Sullivan"), L("McCarthy"), L("Ní Dhomhnaill"), L("Fitzgerald"));
static const sample_name_t mexican_f[] = N(L("María José"), L("Guadalupe"), L("Lucía"), L("Elena"), L("Sofía"), L("Ana"), L("Rosa"), L("Ximena"), L("Inés"), L("Verónica"));
static const sample_name_t mexican_m[] = N(L("José"), L("Juan Carlos"), L("Miguel"), L("Ángel"), L("Luis"), L("Jesús"), L("Andrés"), L("Ramón"), L("Mateo"), L("Joaquín"));
static const sample_name_t mexican_l[] = N(L("García"), L("Hernández"), L("Martínez"), L("López"), L("González"), L("Ramírez"), L("Núñez"), L("De la Cruz"), L("Ibáñez Soto"), L("Peña"));
static const sample_name_t caribbean_f[] = N(L("Yolanda"), L("Carmen"), L("Milagros"), L("Altagracia"), L("Ivette"), L("Marisol"));
static const sample_name_t caribbean_m[] = N(L("Rafael"), L("Héctor"), L("Ramón"), L("Wilfredo"), L("Ángel Luis"), L("Nelson"));
static const sample_name_t caribbean_l[] = N(L("Rodríguez"), L("Rivera"), L("Santos"), L("Báez"), L("Del Valle"), L("Colón"), L("Acevedo"));
static const sample_name_t black_f[] = N(L("Denise"), L("Monique"), L("Tanya"), L("Latoya"), L("Imani"), L("Jasmine"), L("Gloria"), L("Simone"), L("Nia"), L("Aaliyah"));
static const sample_name_t black_m[] = N(L("Marcus"), L("Darnell"), L("Andre"), L("Terrence"), L("Malik"), L("Isaiah"), L("Curtis"), L("Jerome"), L("D'Angelo"), L("Reginald"));
static const sample_name_t black_l[] = N(L("Williams"), L("Jackson"), L("Washington"), L("Jefferson"), L("Robinson"), L("Brown"), L("Booker"), L("Banks"), L("Freeman"), L("Gaines"));
static const sample_name_t nigerian_f[] = N(L("Ngozi"), L("Amara"), L("Chioma"), L("Adaeze"), L("Folasade"), L("Yetunde"));
static const sample_name_t nigerian_m[] = N(L("Chukwuemeka"), L("Tunde"), L("Obinna"), L("Kelechi"), L("Babatunde"), L("Ifeanyi"));
static const sample_name_t nigerian_l[] = N(L("Okafor"), L("Adeyemi"), L("Nwosu"), L("Eze"), L("Balogun"), L("Okonkwo"));
static const sample_name_t chinese_f[] = N({"Mei", "美"}, {"Li Na", "丽娜"}, {"Xiuying", "秀英"}, {"Yan", "燕"}, {"Jing", "静"}, {"Yuxi", "雨夕"});
static const sample_name_t chinese_m[] = N({"Wei", "伟"}, {"Jian", "建"}, {"Ming", "明"}, {"Haoran", "浩然"}, {"Qiang", "强"}, {"Zhiyuan", "志远"});
static const sample_name_t chinese_l[] = N({"Wang", "王"}, {"Li", "李"}, {"Zhang", "张"}, {"Chen", "陈"}, {"Liu", "刘"}, {"Huang", "黄"});
static const sample_name_t vietnamese_f[] = N(L("Thị Hương"), L("Lan"), L("Minh Châu"), L("Ngọc"), L("Thu Hà"));
static const sample_name_t vietnamese_m[] = N(L("Văn Hùng"), L("Minh"), L("Quốc"), L("Đức"), L("Tuấn"));
static const sample_name_t vietnamese_l[] = N(L("Nguyễn"), L("Trần"), L("Lê"), L("Phạm"), L("Đặng"));
static const sample_name_t indian_f[] = N(L("Priya"), L("Lakshmi"), L("Anjali"), L("Sunita"), L("Kavya"));
static const sample_name_t indian_m[] = N(L("Arjun"), L("Rajesh"), L("Sanjay"), L("Vikram"), L("Rohan"));
static const sample_name_t indian_l[] = N(L("Patel"), L("Sharma"), L("Iyer"), L("Reddy"), L("Singh"));
static const sample_name_t filipino_f[] = N(L("Maricel"), L("Rosario"), L("Lorna"), L("Jocelyn"));
static const sample_name_t filipino_m[] = N(L("Reynaldo"), L("Jun"), L("Ernesto"), L("Dante"));
static const sample_name_t filipino_l[] = N(L("Dela Cruz"), L("Bautista"), L("Santos"), L("Magsaysay"));
static const sample_name_t arabic_f[] = N({"Fatima", "فاطمة"}, {"Layla", "ليلى"}, {"Mariam", "مريم"}, {"Zainab", "زينب"});
static const sample_name_t arabic_m[] = N({"Omar", "عمر"}, {"Yusuf", "يوسف"}, {"Khalid", "خالد"}, {"Hassan", "حسن"});
static const sample_name_t arabic_l[] = N({"Haddad", "حداد"}, {"Khalil", "خليل"}, {"Al-Masri", "المصري"}, {"Nasser", "ناصر"});
static const sample_name_t russian_f[] = N({"Olga", "Ольга"}, {"Natalia", "Наталья"}, {"Irina", "Ирина"}, {"Tatiana", "Татьяна"});
static const sample_name_t russian_m[] = N({"Dmitri", "Дмитрий"}, {"Sergei", "Сергей"}, {"Alexei", "Алексей"}, {"Boris", "Борис"});
static const sample_name_t russian_l[] = N({"Kuznetsov", "Кузнецов"}, {"Volkov", "Волков"}, {"Orlov", "Орлов"}, {"Shevchenko", "Шевченко"});
static const sample_name_t russian_lf[] = N({"Kuznetsova", "Кузнецова"}, {"Volkova", "Волкова"}, {"Orlova", "Орлова"}, {"Shevchenko", "Шевченко"});
static const sample_name_t portuguese_f[] = N(L("Conceição"), L("Fátima"), L("Graça"), L("Luísa"), L("Inês"));
static const sample_name_t portuguese_m[] = N(L("João"), L("Antônio"), L("Sebastião"), L("Luís"), L("Tomé"));
static const sample_name_t portuguese_l[] = N(L("da Silva"), L("Gonçalves"), L("Simões"), L("dos Santos"), L("Araújo"));
static const sample_name_t european_f[] = N(L("Zofia"), L("Renée"), L("Käthe"), L("Åsa"), L("Božena"), L("Giulia"), L("Małgorzata"));
static const sample_name_t european_m[] = N(L("Łukasz"), L("François"), L("Jürgen"), L("Søren"), L("Jiří"), L("Nicolò"), L("Özgür"));
static const sample_name_t european_l[] = N(L("Wiśniewski"), L("Lefèvre"), L("Müller"), L("Øster"), L("Dvořák"), L("D'Amico"), L("Groß"), L("van der Berg"));
static const sample_name_t native_f[] = N(L("Aiyana"), L("Winona"), L("Dawn"), L("Sherry"));
static const sample_name_t native_m[] = N(L("Joseph"), L("Elias"), L("Clayton"), L("Leland"));
static const sample_name_t native_l[] = N(L("Begay"), L("Yazzie"), L("Tsosie"), L("Running Deer"));
static const sample_name_t hawaiian_f[] = N(L("Leilani"), L("Kaʻiulani"), L("Malia"));
static const sample_name_t hawaiian_m[] = N(L("Keoni"), L("Kaleo"), L("Makoa"));
static const sample_name_t hawaiian_l[] = N(L("Kahananui"), L("Kealoha"), L("Māhoe"));

#define NOT_HISPANIC CODE_ETH_NOT_HISPANIC, CODE_NONE

const sample_heritage_t sample_heritages[] = {
    {english_f, english_m, english_l, NULL, 400, CODE_RACE_WHITE, CODE_NONE, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {irish_f, irish_m, irish_l, NULL, 80, CODE_RACE_WHITE, CODE_NONE, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {mexican_f, mexican_m, mexican_l, NULL, 110, CODE_RACE_WHITE, CODE_NONE, CODE_ETH_HISPANIC, CODE_ETH_MEXICAN, CODE_LANG_ES, 400},
    {caribbean_f, caribbean_m, caribbean_l, NULL, 60, CODE_RACE_BLACK, CODE_NONE, CODE_ETH_HISPANIC, CODE_ETH_DOMINICAN, CODE_LANG_ES, 400},
    {black_f, black_m, black_l, NULL, 110, CODE_RACE_BLACK, CODE_NONE, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {nigerian_f, nigerian_m, nigerian_l, NULL, 20, CODE_RACE_BLACK, CODE_NONE, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {chinese_f, chinese_m, chinese_l, NULL, 40, CODE_RACE_ASIAN, CODE_RACE_CHINESE, NOT_HISPANIC, CODE_LANG_ZH, 500},
    {vietnamese_f, vietnamese_m, vietnamese_l, NULL, 20, CODE_RACE_ASIAN, CODE_RACE_VIETNAMESE, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {indian_f, indian_m, indian_l, NULL, 30, CODE_RACE_ASIAN, CODE_RACE_INDIAN, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {filipino_f, filipino_m, filipino_l, NULL, 15, CODE_RACE_ASIAN, CODE_RACE_FILIPINO, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {arabic_f, arabic_m, arabic_l, NULL, 15, CODE_RACE_WHITE, CODE_NONE, NOT_HISPANIC, CODE_LANG_AR, 400},
    {russian_f, russian_m, russian_l, russian_lf, 15, CODE_RACE_WHITE, CODE_NONE, NOT_HISPANIC, CODE_LANG_RU, 500},
    {portuguese_f, portuguese_m, portuguese_l, NULL, 30, CODE_RACE_WHITE, CODE_NONE, NOT_HISPANIC, CODE_LANG_PT, 300},
    {european_f, european_m, european_l, NULL, 30, CODE_RACE_WHITE, CODE_NONE, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {native_f, native_m, native_l, NULL, 15, CODE_RACE_NATIVE, CODE_RACE_NAVAJO, NOT_HISPANIC, CODE_LANG_EN, 1000},
    {hawaiian_f, hawaiian_m, hawaiian_l, NULL, 10, CODE_RACE_ISLANDER, CODE_RACE_HAWAIIAN, NOT_HISPANIC, CODE_LANG_EN, 1000},
};
const int sample_heritage_count = sizeof(sample_heritages) / sizeof(*sample_heritages);

const sample_region_t sample_regions[] = {
    {-5, {{"Worcester", "MA", "01608"}, {"Springfield", "MA", "01103"}, {"Northampton", "MA", "01060"},
          {"Pittsfield", "MA", "01201"}, {"Lowell", "MA", "01852"}, {"Fitchburg", "MA", "01420"}}},
    {-5, {{"Portland", "ME", "04101"}, {"Bangor", "ME", "04401"}, {"Augusta", "ME", "04330"},
          {"Lewiston", "ME", "04240"}, {"Concord", "NH", "03301"}, {"Nashua", "NH", "03060"}}},
    {-6, {{"Madison", "WI", "53703"}, {"Milwaukee", "WI", "53202"}, {"Green Bay", "WI", "54301"},
          {"La Crosse", "WI", "54601"}, {"Eau Claire", "WI", "54701"}, {"Duluth", "MN", "55802"}}},
    {-7, {{"Denver", "CO", "80202"}, {"Boulder", "CO", "80302"}, {"Fort Collins", "CO", "80521"},
          {"Pueblo", "CO", "81003"}, {"Cheyenne", "WY", "82001"}, {"Laramie", "WY", "82070"}}},
    {-8, {{"Seattle", "WA", "98101"}, {"Tacoma", "WA", "98402"}, {"Spokane", "WA", "99201"},
          {"Portland", "OR", "97201"}, {"Salem", "OR", "97301"}, {"Eugene", "OR", "97401"}}},
    {-5, {{"Columbus", "OH", "43215"}, {"Cleveland", "OH", "44113"}, {"Dayton", "OH", "45402"},
          {"Toledo", "OH", "43604"}, {"Akron", "OH", "44308"}, {"Cincinnati", "OH", "45202"}}},
    {-6, {{"Austin", "TX", "78701"}, {"San Antonio", "TX", "78205"}, {"Waco", "TX", "76701"},
          {"Houston", "TX", "77002"}, {"Dallas", "TX", "75201"}, {"Fort Worth", "TX", "76102"}}},
    {-5, {{"Atlanta", "GA", "30303"}, {"Savannah", "GA", "31401"}, {"Macon", "GA", "31201"},
          {"Athens", "GA", "30601"}, {"Augusta", "GA", "30901"}, {"Columbus", "GA", "31901"}}},
};
const int sample_region_count = sizeof(sample_regions) / sizeof(*sample_regions);

const char *const sample_streets[] = {
    "Main Street", "Elm Street", "Maple Avenue", "Oak Hill Road", "Washington Street", "Lake Drive",
    "Chestnut Street", "Park Avenue", "Pine Lane", "Mill Road", "Franklin Street", "Prospect Avenue",
    "Cedar Court", "High Street", "Church Street", "Spring Street", "River Road", "Birch Terrace",
    "Saint Mary's Way", "Orchard Place"};
const int sample_street_count = sizeof(sample_streets) / sizeof(*sample_streets);
/* clang-format on */

int sample_names_count(const sample_name_t *names)
{
    int n = 0;
    while (names[n].latin) {
        n++;
    }
    return n;
}
