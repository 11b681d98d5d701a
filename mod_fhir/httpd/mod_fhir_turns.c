/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lanes of long work, in httpd and in the database, for all processes of a configuration. Those
 * of the generation before, which end after a graceful restart, have their own.
 */
#include "httpd/mod_fhir.h"

#include <apr_shm.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <http_main.h>

APLOG_USE_MODULE(fhir);

/* Processors that this process may use. */
static int processors(void)
{
    cpu_set_t set;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    if (!sched_getaffinity(0, sizeof(set), &set))
        return CPU_COUNT(&set);
    return online > 0 ? (int)online : 1;
}

/* The processors that a container's limit of processor time is worth (cgroup v2, cpu.max: quota
 * and period in µs), or n if it has none. */
static int within_quota(int n)
{
    double quota, period;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return n;
    if (fscanf(file, "%lf %lf", &quota, &period) == 2 && period > 0 && quota / period < n)
        n = (int)(quota / period);
    (void)fclose(file);
    return n;
}

static int permits(server_rec *main)
{
    int n = (int)mod_fhir_number(mod_fhir_settings_of(main), MOD_FHIR_LONG_WORK_THREADS);
    return n ? n : within_quota(processors()) * 3 / 4;
}

int mod_fhir_turns_setup(server_rec *main, apr_pool_t *pconf)
{
    apr_shm_t *shm;
    /* without a name: children inherit it, nobody else can reach it */
    apr_size_t size = APR_ALIGN_DEFAULT(fhir_turns_size());
    apr_status_t rv = apr_shm_create(&shm, 2 * size, NULL, pconf);
    mod_fhir_server_t *server = mod_fhir_server_of(main);
    if (!rv) {
        server->turns = apr_shm_baseaddr_get(shm);
        server->queries = (void *)((char *)apr_shm_baseaddr_get(shm) + size);
        rv = fhir_turns_init(server->turns, permits(main));
    }
    if (!rv)
        rv = fhir_turns_init(server->queries, permits(main));
    if (rv)
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main,
                     "FHIR0780: no shared memory for the lane of long work (FHIRLongWorkThreads)");
    return rv ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

fhir_turns_t *mod_fhir_turns(void)
{
    return mod_fhir_server_of(ap_server_conf)->turns;
}

fhir_turns_t *mod_fhir_queries(void)
{
    return mod_fhir_server_of(ap_server_conf)->queries;
}

static void on_child(server_rec *s, pid_t pid, ap_generation_t generation, int slot,
                     mpm_child_status status)
{
    (void)s;
    (void)generation;
    (void)slot;
    if (status != MPM_CHILD_EXITED || !mod_fhir_turns())
        return;
    fhir_turns_drop(mod_fhir_turns(), pid);
    fhir_turns_drop(mod_fhir_queries(), pid);
}

void mod_fhir_turns_register(void)
{
    ap_hook_child_status(on_child, NULL, NULL, APR_HOOK_MIDDLE);
}
