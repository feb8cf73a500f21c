#ifndef PTQ_OBSERVE_H_
#define PTQ_OBSERVE_H_
/* The C interface of libptq_observe.so, which counts what an instrumented model (`ptq instrument`)
 * computes in production and writes it as statistics (docs/production.md). A program registers the
 * library with ONNX Runtime (1.18 or newer; RegisterCustomOps is called by the runtime) and needs
 * nothing of this header; it is for writing, resetting and sampling at moments of its own choice.
 *
 * All functions may be called from any thread at any time, none throws, none ends the program.
 * Texts are UTF-8 and end with a zero. Counts belong to the process; a child made by fork begins
 * with none.
 *
 * Environment, read once when the library is registered:
 *   PTQ_OBSERVE_EVERY   count each N-th run of a model, from the first on; 0: none. Else the model
 *                       says it (`ptq instrument --every N`)
 *   PTQ_OBSERVE_FILE    where statistics go; %p process id, %m first 12 digits of the model's
 *                       fingerprint, %h host name, %% a percent sign. Empty: only where
 *                       ptq_observe_write says. Else the model says it (`--stats-file`)
 *   PTQ_OBSERVE_FLUSH   seconds between writes while runs are counted; 0: none [60]
 */

#include <stdint.h>

#if defined(__GNUC__)
#define PTQ_OBSERVE_API __attribute__((visibility("default")))
#else
#define PTQ_OBSERVE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Writes what was counted so far, one file a model, each whole or not at all. `path` may hold %p,
 * %m, %h as above and replaces a file of that name; NULL: the files that are written anyway.
 * Returns the number of files written, or -1 (see ptq_observe_last_error) when one could not be
 * written, when no run was counted yet, or when several models would get the same path. */
PTQ_OBSERVE_API int32_t ptq_observe_write(const char* path);

/* Forgets all runs counted so far, those under way too. Files stay as they are until the next
 * write. */
PTQ_OBSERVE_API void ptq_observe_reset(void);

/* Counts each `n`-th run of every model from now on; 0: none. Goes before environment and models.
 * Returns 0, or -1 for a negative number. */
PTQ_OBSERVE_API int32_t ptq_observe_set_every(int64_t n);

/* What went wrong last, in one line, or "". Valid until the next call on this thread. */
PTQ_OBSERVE_API const char* ptq_observe_last_error(void);

#ifdef __cplusplus
}
#endif

#endif /* PTQ_OBSERVE_H_ */
