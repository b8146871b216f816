/* Mutated model files: usage `fuzz COUNT SEED FILE...`. Each is loaded, and where it loads, rows are scored.
 *
 * Compiled under AddressSanitizer and UndefinedBehaviorSanitizer, which end the program at the first report. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ensemble.h"

#define MOST_ROWS 70
#define MOST_CELLS (MOST_ROWS * 4096)

static uint64_t state = 0x9E3779B97F4A7C15;

static uint64_t next(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static uint32_t below(uint64_t limit) { return limit ? (uint32_t)(next() % limit) : 0; }

/* Numbers that break what counts: ends of their types, and ones near those. */
static const uint32_t WORDS[] = {0, 1, 2, 7, 8, 16, 127, 128, 254, 255, 256, 257, 16383, 16384, 65535, 65536, 1u << 24,
                                 1u << 30, (1u << 30) + 1, 0x7FF00000, 0x7FF80000, 0x80000000, 0xFFF00000, 0xFFFFFFFF};

static void mutate(uint8_t *bytes, size_t *size, size_t room)
{
    for (uint32_t turn = 1 + below(4); turn; turn--) {
        size_t at = below(4) ? below(*size) : below(*size < 400 ? *size : 400); /* what counts lies in front */
        size_t word = at / 4 * 4;
        if (!*size)
            return;
        switch (below(8)) {
        case 0: bytes[at] ^= (uint8_t)(1 << below(8)); break;
        case 1: bytes[at] = (uint8_t)next(); break;
        case 2: bytes[at] = (uint8_t)(bytes[at] + 1); break;
        case 3: bytes[at] = (uint8_t)(bytes[at] - 1); break;
        case 4:
            if (word + 4 <= *size)
                memcpy(bytes + word, &WORDS[below(sizeof WORDS / sizeof *WORDS)], 4);
            break;
        case 5: { /* move some bytes elsewhere */
            size_t from = below(*size), length = below(64);
            length = length > *size - from ? *size - from : length;
            length = length > *size - at ? *size - at : length;
            memmove(bytes + at, bytes + from, length);
            break;
        }
        case 6: *size = below(3) ? *size : below(*size + 1); break;
        default:
            if (!below(4)) {
                size_t more = below(65);
                more = *size + more > room ? 0 : more;
                memset(bytes + *size, (int)next(), more);
                *size += more;
            }
        }
    }
}

static void score(const Ensemble *e, const double *cells)
{
    static double values[MOST_CELLS], raw[MOST_CELLS];
    static int64_t labels[MOST_ROWS];
    size_t counts[] = {1, 2, MOST_ROWS};
    for (int i = 0; i < 3; i++) {
        size_t rows = counts[i], widest = e->n_features > e->n_values ? e->n_features : e->n_values;
        if (rows * widest > MOST_CELLS)
            continue;
        /* An array of exactly the rows: to read beyond it is an error, too. */
        double *own = malloc(rows * e->n_features * sizeof(double));
        memcpy(own, cells, rows * e->n_features * sizeof(double));
        if (!e->kernel->sums(e, own, 0, rows, raw))
            ensemble_finish(e, raw, rows, values, labels);
        for (size_t cell = 0; cell < rows * e->n_features; cell++)
            ((float *)own)[cell] = (float)cells[cell];
        e->kernel->sums(e, own, 1, rows, raw);
        free(own);
    }
}

int main(int n, char **names)
{
    static double cells[MOST_CELLS];
    const Kernel *kernels[] = {
        &kernel_plain,
#ifdef HAS_X86
        __builtin_cpu_supports("avx2") ? &kernel_avx2 : &kernel_plain,
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
            ? &kernel_avx512 : &kernel_plain,
#endif
    };
    const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0, 1e-35, 1e300, -1e300};
    for (size_t i = 0; i < MOST_CELLS; i++)
        cells[i] = below(8) ? (double)(int64_t)next() / 4e18 : odd[below(8)];
    long count = atol(names[1]), n_files = n - 3, loaded = 0, refused = 0;
    state ^= (uint64_t)atol(names[2]) * 0x2545F4914F6CDD1D;
    for (long turn = 0; turn < count; turn++) {
        static uint8_t *seeds[64];
        static size_t sizes[64];
        int which = (int)(3 + turn % n_files);
        if (!seeds[which]) {
            FILE *file = fopen(names[which], "rb");
            seeds[which] = malloc(1 << 22);
            sizes[which] = fread(seeds[which], 1, 1 << 22, file);
            fclose(file);
        }
        size_t size = sizes[which], room = size + 512;
        uint8_t *bytes = malloc(room), *exact;
        memcpy(bytes, seeds[which], size);
        if (turn >= n_files) /* each file is scored once as it is */
            mutate(bytes, &size, room);
        exact = malloc(size ? size : 1);
        memcpy(exact, bytes, size);
        const char *problem = NULL;
        Ensemble *e = ensemble_load(exact, size, kernels[turn % (long)(sizeof kernels / sizeof *kernels)], &problem);
        free(exact), free(bytes);
        if (e)
            score(e, cells), ensemble_free(e), loaded++;
        else
            refused++;
    }
    printf("%ld loaded, %ld refused\n", loaded, refused);
    return 0;
}
