/*
 * The jobs that the Go test ../../../wire/c_panel_test.go gives to a runner on
 * standard input: 'd' refresh, whether there is an old picture, u32 number of the
 * call on the bus that fails (0: none), the picture, the old picture; others are
 * the runner's own. To standard output go 'C' command, 'D' u16 size and data, 'B'
 * (an answer of one byte follows on standard input), 'R' level, 'W' u16
 * milliseconds, and at the end of a job 'E' and -status. Numbers are
 * little-endian. Licence: Apache-2.0.
 */
#ifndef JOBS_H
#define JOBS_H

#include <stddef.h>
#include <stdint.h>

struct jobs {
	size_t picture; /* bytes */
	int (*draw)(const uint8_t *frame, const uint8_t *old, unsigned refresh);
	int (*other)(int job); /* returns a status too */
};

/* Does all jobs. */
void jobs_run(const struct jobs *j);

/* Whether a call on the bus is the one that fails. */
int jobs_fails(void);

/* What goes over the wires. */
void jobs_tell_command(uint8_t command);
void jobs_tell_data(const uint8_t *data, size_t n);
void jobs_tell_reset(int level);
void jobs_tell_delay(unsigned milliseconds);
int jobs_ask_busy(void);

/* So many bytes of a job, in memory of their own. */
uint8_t *jobs_bytes(size_t n);
uint32_t jobs_number(void); /* u32 */

/* Lets the call of that number fail, counted from now. */
void jobs_fail_at(uint32_t call);

#endif
