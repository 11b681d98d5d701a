/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file sample_rng.h
 * @brief Random numbers: one stream a patient, so that patient i is the same in every run.
 *
 * SplitMix64 (a counter and a mixing function): any stream starts at once, state is one word.
 */
#ifndef SAMPLE_RNG_H
#define SAMPLE_RNG_H

#include <stdint.h>

typedef struct sample_rng_t {
    uint64_t state;
} sample_rng_t;

static inline uint64_t rng_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/** The stream of one topic of one patient. */
static inline sample_rng_t rng_stream(uint64_t seed, uint64_t patient, uint64_t topic)
{
    sample_rng_t r;

    r.state = rng_mix(rng_mix(rng_mix(seed + 1) ^ (patient * UINT64_C(0x9e3779b97f4a7c15))) ^
                      (topic * UINT64_C(0xd1342543de82ef95)));
    return r;
}

static inline uint64_t rng_next(sample_rng_t *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    return rng_mix(r->state);
}

/** Evenly from 0 to n - 1 (n at least 1). */
static inline int rng_below(sample_rng_t *r, int n)
{
    return (int)(((rng_next(r) >> 32) * (uint64_t)n) >> 32);
}

/** Evenly from low to high, both included. */
static inline int rng_range(sample_rng_t *r, int low, int high)
{
    return low + rng_below(r, high - low + 1);
}

/** 1 with the probability given in thousandths. */
static inline int rng_chance(sample_rng_t *r, int permille)
{
    return rng_below(r, 1000) < permille;
}

/** Roughly normal around 0 with this standard deviation, never beyond three of them. */
static inline long rng_wobble(sample_rng_t *r, long sd)
{
    long span = sd < 1 ? 1 : sd;

    return rng_range(r, (int)-span, (int)span) + rng_range(r, (int)-span, (int)span) +
           rng_range(r, (int)-span, (int)span);
}

#endif
