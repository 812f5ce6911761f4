/*
 * A panel on spidev and three lines of a GPIO chip (linux/spi/spidev.h,
 * linux/gpio.h version 2). CS is the one of spidev. Licence: Apache-2.0.
 */
#define _GNU_SOURCE
#include "port.h"

#include <fcntl.h>
#include <linux/gpio.h>
#include <linux/spi/spidev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { DC, RST, BUSY, HERTZ = 4000000 };

/* Asks a chip for lines; returns their file. */
static int lines(int chip, const unsigned *offsets, unsigned n, uint64_t flags)
{
	struct gpio_v2_line_request r;
	unsigned i;

	memset(&r, 0, sizeof r);
	for (i = 0; i < n; i++)
		r.offsets[i] = offsets[i];
	r.num_lines = n;
	r.config.flags = flags;
	snprintf(r.consumer, sizeof r.consumer, "doorleaf-sign");
	return ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &r) < 0 ? -1 : r.fd;
}

/* Sets the D/C or the RST line. */
static int set(const struct bus *b, unsigned line, int level)
{
	struct gpio_v2_line_values v;

	v.mask = 1u << line;
	v.bits = (uint64_t)(level != 0) << line;
	return ioctl(b->out_file, GPIO_V2_LINE_SET_VALUES_IOCTL, &v) < 0 ? -1 : 0;
}

static int transfer(const struct bus *b, const uint8_t *data, size_t n)
{
	struct spi_ioc_transfer t;

	memset(&t, 0, sizeof t);
	t.tx_buf = (uint64_t)(uintptr_t)data;
	t.len = (uint32_t)n;
	t.speed_hz = HERTZ;
	t.bits_per_word = 8;
	return ioctl(b->spi_file, SPI_IOC_MESSAGE(1), &t) < 0 ? -1 : 0;
}

static int command(void *user, uint8_t c)
{
	struct bus *b = user;

	return set(b, DC, 0) != 0 || transfer(b, &c, 1) != 0 ? -1 : 0;
}

static int data(void *user, const uint8_t *d, size_t n)
{
	struct bus *b = user;

	return set(b, DC, 1) != 0 || transfer(b, d, n) != 0 ? -1 : 0;
}

static int busy(void *user)
{
	struct bus *b = user;
	struct gpio_v2_line_values v;

	v.mask = 1;
	v.bits = 0;
	return ioctl(b->in_file, GPIO_V2_LINE_GET_VALUES_IOCTL, &v) < 0 ? -1 : (int)(v.bits & 1);
}

static int reset(void *user, int level) { return set(user, RST, level); }

static void delay(void *user, unsigned milliseconds)
{
	struct timespec t;

	(void)user;
	t.tv_sec = (time_t)(milliseconds / 1000);
	t.tv_nsec = (long)(milliseconds % 1000) * 1000000;
	(void)nanosleep(&t, NULL);
}

int bus_open(struct machine *m)
{
	struct bus *b = &m->bus;
	const struct dl_hardware *h = &m->options.hardware;
	uint8_t mode = SPI_MODE_0, bits = 8;
	uint32_t speed = HERTZ;
	int chip;

	b->hooks.user = b;
	b->hooks.command = command;
	b->hooks.data = data;
	b->hooks.busy = busy;
	b->hooks.reset = reset;
	b->hooks.delay = delay;
	if (dl_panel_init(&b->panel, &b->hooks, b->model, m->options.planes, b->turn) != 0 || dl_panel_width(&b->panel) != h->width
		|| dl_panel_height(&b->panel) != h->height)
		return -1;
	b->shown = malloc((size_t)((h->width + 7u) / 8) * h->height * dl_planes(m->options.planes));
	b->spi_file = open(b->spi, O_RDWR | O_CLOEXEC);
	chip = open(b->gpio, O_RDWR | O_CLOEXEC);
	if (b->shown == NULL || b->spi_file < 0 || chip < 0)
		return -1;
	b->out_file = lines(chip, b->pins, 2, GPIO_V2_LINE_FLAG_OUTPUT);
	b->in_file = lines(chip, b->pins + BUSY, 1, GPIO_V2_LINE_FLAG_INPUT);
	close(chip);
	if (b->out_file < 0 || b->in_file < 0)
		return -1;
	return ioctl(b->spi_file, SPI_IOC_WR_MODE, &mode) < 0 || ioctl(b->spi_file, SPI_IOC_WR_BITS_PER_WORD, &bits) < 0
		|| ioctl(b->spi_file, SPI_IOC_WR_MAX_SPEED_HZ, &speed) < 0 ? -1 : 0;
}

int bus_draw(struct machine *m, const uint8_t *frame, unsigned refresh)
{
	struct bus *b = &m->bus;
	const struct dl_hardware *h = &m->options.hardware;

	if (dl_panel_draw(&b->panel, frame, b->known ? b->shown : NULL, refresh) != 0) {
		b->known = 0;
		return -1;
	}
	memcpy(b->shown, frame, (size_t)((h->width + 7u) / 8) * h->height * dl_planes(m->options.planes));
	b->known = 1;
	return dl_panel_sleep(&b->panel);
}
