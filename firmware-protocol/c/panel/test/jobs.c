/* Jobs and wires of the runners, see jobs.h. Licence: Apache-2.0. */
#include "jobs.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t calls, failing;

int jobs_fails(void) { return ++calls == failing; }

void jobs_fail_at(uint32_t call)
{
	calls = 0;
	failing = call;
}

static void number(size_t v)
{
	putchar((int)(v & 0xff));
	putchar((int)(v >> 8));
}

void jobs_tell_command(uint8_t command)
{
	putchar('C');
	putchar(command);
}

void jobs_tell_data(const uint8_t *data, size_t n)
{
	putchar('D');
	number(n);
	fwrite(data, 1, n, stdout);
}

void jobs_tell_reset(int level)
{
	putchar('R');
	putchar(level);
}

void jobs_tell_delay(unsigned milliseconds)
{
	putchar('W');
	number(milliseconds);
}

int jobs_ask_busy(void)
{
	putchar('B');
	fflush(stdout);
	return getchar();
}

uint8_t *jobs_bytes(size_t n)
{
	uint8_t *p = malloc(n > 0 ? n : 1);

	if (p == NULL || fread(p, 1, n, stdin) != n)
		abort();
	return p;
}

uint32_t jobs_number(void)
{
	uint32_t v = 0;
	int i;

	for (i = 0; i < 32; i += 8)
		v |= (uint32_t)getchar() << i;
	return v;
}

static int draw(const struct jobs *j)
{
	int refresh = getchar(), had = getchar(), status;
	uint8_t *frame, *old = NULL;

	jobs_fail_at(jobs_number());
	frame = jobs_bytes(j->picture);
	if (had)
		old = jobs_bytes(j->picture);
	status = j->draw(frame, old, (unsigned)refresh);
	free(frame);
	free(old);
	return status;
}

void jobs_run(const struct jobs *j)
{
	int job, status;

	while ((job = getchar()) != EOF) {
		status = job == 'd' ? draw(j) : j->other(job);
		putchar('E');
		putchar(-status);
		fflush(stdout);
	}
}
