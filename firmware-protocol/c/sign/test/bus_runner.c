/*
 * The panel on spidev and GPIO lines without either: open, ioctl and nanosleep
 * are wrapped (-Wl,--wrap), and what reaches the wires is told to the Go test.
 * Jobs are those of ../../panel/test/panel_runner.c. Licence: Apache-2.0.
 */
#define _GNU_SOURCE
#include "jobs.h"
#include "posix/port.h"

#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/spi/spidev.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SPI = 1000, CHIP, OUT, IN, DC_LINE = 25, RST_LINE = 17, BUSY_LINE = 24 };

static int dc, rst = 1, mode = -1;

int __wrap_open(const char *path, int flags, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_nanosleep(const struct timespec *t, struct timespec *rest);
int __wrap_close(int fd);

int __wrap_open(const char *path, int flags, ...)
{
	if ((flags & O_RDWR) == 0)
		return -1;
	return strcmp(path, "/dev/spidev0.0") == 0 ? SPI : strcmp(path, "/dev/gpiochip0") == 0 ? CHIP : -1;
}

int __wrap_close(int fd) { return fd == CHIP ? 0 : -1; }

int __wrap_nanosleep(const struct timespec *t, struct timespec *rest)
{
	unsigned ms = (unsigned)(t->tv_sec * 1000 + t->tv_nsec / 1000000);

	(void)rest;
	jobs_tell_delay(ms);
	return 0;
}

static int lines(struct gpio_v2_line_request *r)
{
	if (r->num_lines == 2 && r->offsets[0] == DC_LINE && r->offsets[1] == RST_LINE && r->config.flags == GPIO_V2_LINE_FLAG_OUTPUT)
		r->fd = OUT;
	else if (r->num_lines == 1 && r->offsets[0] == BUSY_LINE && r->config.flags == GPIO_V2_LINE_FLAG_INPUT)
		r->fd = IN;
	else
		return -1;
	return 0;
}

static int transfer(const struct spi_ioc_transfer *t)
{
	const uint8_t *data = (const uint8_t *)(uintptr_t)t->tx_buf;

	if (mode != 0 || t->bits_per_word != 8 || t->len < 1 || t->len > 4096)
		return -1;
	if (dc != 0)
		jobs_tell_data(data, t->len);
	else if (t->len != 1)
		return -1;
	else
		jobs_tell_command(data[0]);
	return 0;
}

static int set(const struct gpio_v2_line_values *v)
{
	if ((v->mask & 1) != 0)
		dc = (int)(v->bits & 1);
	if ((v->mask & 2) != 0) {
		rst = (int)(v->bits >> 1 & 1);
		jobs_tell_reset(rst);
	}
	return 0;
}

static int get(struct gpio_v2_line_values *v)
{
	v->bits = jobs_ask_busy() == 1;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *at;

	va_start(list, request);
	at = va_arg(list, void *);
	va_end(list);
	if (jobs_fails())
		return -1;
	if (fd == CHIP && request == GPIO_V2_GET_LINE_IOCTL)
		return lines(at);
	if (fd == SPI && request == SPI_IOC_WR_MODE) {
		mode = *(uint8_t *)at;
		return 0;
	}
	if (fd == SPI && (request == SPI_IOC_WR_BITS_PER_WORD || request == SPI_IOC_WR_MAX_SPEED_HZ))
		return 0;
	if (fd == SPI && request == SPI_IOC_MESSAGE(1))
		return transfer(at);
	if (fd == OUT && request == GPIO_V2_LINE_SET_VALUES_IOCTL)
		return set(at);
	if (fd == IN && request == GPIO_V2_LINE_GET_VALUES_IOCTL)
		return get(at);
	return -1;
}

static struct machine machine;

static int draw(const uint8_t *frame, const uint8_t *old, unsigned refresh)
{
	(void)old; /* it keeps the picture itself */
	return bus_draw(&machine, frame, refresh) != 0 ? -1 : 0;
}

static int other(int job)
{
	struct bus *b = &machine.bus;

	if (job != 'n')
		return 0; /* it sleeps after each picture */
	b->known = 0;
	return dl_panel_init(&b->panel, &b->hooks, b->model, machine.options.planes, b->turn);
}

int main(int argc, char **argv)
{
	struct machine *m = &machine;
	struct bus *b = &m->bus;
	struct jobs jobs = { 0, draw, other };
	struct dl_panel probe;

	if (argc != 4)
		return 2;
	for (b->model = dl_panel_models; b->model->name != NULL && strcmp(b->model->name, argv[1]) != 0; b->model++)
		;
	b->spi = "/dev/spidev0.0";
	b->gpio = "/dev/gpiochip0";
	b->pins[0] = DC_LINE;
	b->pins[1] = RST_LINE;
	b->pins[2] = BUSY_LINE;
	b->turn = (unsigned)atoi(argv[3]);
	m->options.planes = (uint8_t)atoi(argv[2]);
	if (b->model->name == NULL || dl_panel_init(&probe, NULL, b->model, m->options.planes, b->turn) != 0)
		return 2;
	m->options.hardware.width = dl_panel_width(&probe);
	m->options.hardware.height = dl_panel_height(&probe);
	if (bus_open(m) != 0)
		return 3;
	jobs.picture = (m->options.hardware.width + 7u) / 8 * m->options.hardware.height * dl_planes(m->options.planes);
	jobs_run(&jobs);
	free(b->shown);
	return 0;
}
