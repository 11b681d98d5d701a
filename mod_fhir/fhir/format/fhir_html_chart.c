/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measurements as a chart: the Observations of one code on a page, by time, with a line for each
 * measured value (a blood pressure has two). The table has the same values.
 */
#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fhir_decimal.h"
#include "core/fhir_time.h"
#include "fhir/format/fhir_html_private.h"

#define SERIES_MAX 4
#define POINTS_MAX 4000 /* of all series; the rest of a page is omitted */
#define WIDTH      720.0
#define HEIGHT     200.0
#define EDGE       12.0 /* margins around the lines */

typedef struct point_t {
    apr_int64_t time;
    double value;
    int series;
} point_t;

typedef struct series_t {
    const char *code, *name, *unit;
} series_t;

struct fhir_html_chart_t {
    const char *code; /* of all Observations */
    int off;          /* the page has several codes or units */
    series_t series[SERIES_MAX];
    int n_series;
    point_t *points;
    int n;
};

static const fhir_node_t *get(const fhir_node_t *node, const char *name)
{
    return fhir_node_get(node, name);
}

static int time_of(apr_int64_t *time, const fhir_node_t *resource)
{
    const fhir_node_t *at = get(resource, "effectiveDateTime");
    at = at ? at : get(resource, "effectiveInstant");
    at = at ? at : get(get(resource, "effectivePeriod"), "start");
    fhir_interval_t interval;
    if (!at || !at->text ||
        !fhir_time_parse(&interval, at->text, at->text_len, FHIR_TIME_DATETIME, NULL))
        return 0;
    *time = interval.low;
    return 1;
}

static const char *name_of(fhir_html_t *html, const fhir_node_t *code)
{
    fhir_buf_clear(html->scratch);
    fhir_html_value(html->scratch, html, fhir_model_type(html->model, "CodeableConcept", 15), code,
                    FHIR_HTML_PLAIN);
    return apr_pstrdup(html->pool, fhir_buf_cstr(html->scratch));
}

/* The series of a code and unit, made if it is new; -1 when there is no room. */
static int series_of(fhir_html_t *html, const fhir_node_t *code, const fhir_node_t *quantity)
{
    fhir_html_chart_t *chart = html->chart;
    const char *key = fhir_html_code(code, html->item_pool);
    const char *unit = fhir_node_string(quantity, "unit", html->item_pool);
    unit = unit ? unit : fhir_node_string(quantity, "code", html->item_pool);
    unit = unit ? unit : "";
    int i;
    for (i = 0; i < chart->n_series; i++)
        if (!strcmp(chart->series[i].code, key)) {
            chart->off |= strcmp(chart->series[i].unit, unit) != 0;
            return i;
        }
    if (chart->n_series == SERIES_MAX)
        return -1;
    chart->series[i] = (series_t){apr_pstrdup(html->pool, key), name_of(html, code),
                                  apr_pstrdup(html->pool, unit)};
    return chart->n_series++;
}

static void add(fhir_html_t *html, const fhir_node_t *code, const fhir_node_t *quantity,
                apr_int64_t time)
{
    fhir_html_chart_t *chart = html->chart;
    const fhir_node_t *value = get(quantity, "value");
    if (!value || value->kind != FHIR_NODE_NUMBER || chart->n == POINTS_MAX)
        return;
    double number = fhir_decimal_double(value->text, value->text_len);
    int series = series_of(html, code, quantity);
    if (series < 0 || !isfinite(number))
        return;
    if (!chart->points)
        chart->points = apr_palloc(html->pool, POINTS_MAX * sizeof(point_t));
    chart->points[chart->n++] = (point_t){time, number, series};
}

void fhir_html_chart_learn(fhir_html_t *html, const fhir_node_t *resource)
{
    const fhir_node_t *code = get(resource, "code"), *parts = get(resource, "component");
    if (!fhir_node_is(get(resource, "resourceType"), "Observation"))
        return;
    if (!html->chart)
        html->chart = apr_pcalloc(html->pool, sizeof(*html->chart));
    const char *key = fhir_html_code(code, html->item_pool);
    if (!html->chart->code)
        html->chart->code = apr_pstrdup(html->pool, key);
    html->chart->off |= !*key || strcmp(html->chart->code, key) != 0;
    apr_int64_t time;
    if (html->chart->off || !time_of(&time, resource))
        return;
    add(html, code, get(resource, "valueQuantity"), time);
    for (const fhir_node_t *part = parts ? parts->child : NULL; part; part = part->next)
        add(html, get(part, "code"), get(part, "valueQuantity"), time);
}

/* ---- drawing ---- */

static int by_time(const void *left, const void *right)
{
    const point_t *a = left, *b = right;
    if (a->series != b->series)
        return a->series - b->series;
    return (a->time > b->time) - (a->time < b->time);
}

typedef struct frame_t {
    apr_int64_t first, last;
    double low, high;
} frame_t;

static frame_t frame_of(const fhir_html_chart_t *chart)
{
    const point_t *p = chart->points;
    frame_t f = {p->time, p->time, p->value, p->value};
    for (int i = 1; i < chart->n; i++) {
        f.first = p[i].time < f.first ? p[i].time : f.first;
        f.last = p[i].time > f.last ? p[i].time : f.last;
        f.low = p[i].value < f.low ? p[i].value : f.low;
        f.high = p[i].value > f.high ? p[i].value : f.high;
    }
    return f;
}

static double x_of(const frame_t *f, const point_t *p)
{
    return EDGE + (WIDTH - 2 * EDGE) * (double)(p->time - f->first) / (double)(f->last - f->first);
}

static double y_of(const frame_t *f, const point_t *p)
{
    double span = f->high - f->low;
    if (span <= 0)
        return HEIGHT / 2;
    return HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (p->value - f->low) / span;
}

static void put_day(fhir_buf_t *buf, apr_int64_t time)
{
    char text[25];
    fhir_time_format(text, time);
    fhir_buf_append(buf, text, 10);
}

static void put_lines(fhir_buf_t *buf, const fhir_html_chart_t *chart, const frame_t *f)
{
    for (int i = 0; i < chart->n;) {
        int series = chart->points[i].series, from = i;
        fhir_buf_printf(buf, "<polyline class=\"line line-%d\" points=\"", series + 1);
        for (; i < chart->n && chart->points[i].series == series; i++)
            fhir_buf_printf(buf, "%.1f,%.1f ", x_of(f, &chart->points[i]),
                            y_of(f, &chart->points[i]));
        fhir_buf_puts(buf, "\"/>");
        /* a dot is a line of length 0, which keeps its shape when the chart is stretched */
        for (i = from; i < chart->n && chart->points[i].series == series; i++) {
            fhir_buf_printf(buf, "<path class=\"dot line-%d\" d=\"M%.1f %.1fh0\"><title>",
                            series + 1, x_of(f, &chart->points[i]), y_of(f, &chart->points[i]));
            put_day(buf, chart->points[i].time);
            fhir_buf_printf(buf, ": %g</title></path>", chart->points[i].value);
        }
        fhir_buf_putc(buf, '\n');
    }
}

static void put_names(fhir_buf_t *buf, const fhir_html_chart_t *chart)
{
    for (int i = 0; i < chart->n_series; i++) {
        fhir_buf_printf(buf, "<span class=\"key line-%d\">", i + 1);
        fhir_html_text(buf, chart->series[i].name);
        if (*chart->series[i].unit) {
            fhir_buf_puts(buf, " (");
            fhir_html_text(buf, chart->series[i].unit);
            fhir_buf_putc(buf, ')');
        }
        fhir_buf_puts(buf, "</span> ");
    }
}

void fhir_html_chart(fhir_buf_t *buf, fhir_html_t *html)
{
    fhir_html_chart_t *chart = html->chart;
    if (!chart || chart->off || chart->n < 2)
        return;
    qsort(chart->points, (size_t)chart->n, sizeof(point_t), by_time);
    frame_t f = frame_of(chart);
    if (f.first == f.last)
        return;
    fhir_buf_puts(buf, "<figure class=\"plot\"><figcaption>");
    put_names(buf, chart);
    fhir_buf_printf(buf,
                    "</figcaption>\n<span class=\"plot-y\"><span>%g</span><span>%g</span></span>",
                    f.high, f.low);
    fhir_buf_printf(buf,
                    "<svg viewBox=\"0 0 %.0f %.0f\" preserveAspectRatio=\"none\" role=\"img\" "
                    "aria-label=\"",
                    WIDTH, HEIGHT);
    fhir_html_word(buf, html, "page-chart");
    fhir_buf_printf(buf, " %d, %g – %g\">\n", chart->n, f.low, f.high);
    put_lines(buf, chart, &f);
    fhir_buf_puts(buf, "</svg>\n<span class=\"plot-x\"><span>");
    put_day(buf, f.first);
    fhir_buf_puts(buf, "</span><span>");
    put_day(buf, f.last);
    fhir_buf_puts(buf, "</span></span></figure>\n");
}
