/* QR codes by Nayuki's library (libqrcodegen). Licence: Apache-2.0. */
#include "port.h"

#include <qrcodegen/qrcodegen.h>

/* 72 characters, level M; the memory is here, for the library allocates none. */
enum { VERSION = 5 };

static uint8_t code[qrcodegen_BUFFER_LEN_FOR_VERSION(VERSION)];

static unsigned make(void *user, const char *text)
{
	uint8_t room[sizeof code];

	(void)user;
	if (!qrcodegen_encodeText(text, room, code, qrcodegen_Ecc_MEDIUM, qrcodegen_VERSION_MIN, VERSION, qrcodegen_Mask_AUTO, false))
		return 0;
	return (unsigned)qrcodegen_getSize(code);
}

static int module(void *user, unsigned x, unsigned y)
{
	(void)user;
	return qrcodegen_getModule(code, (int)x, (int)y);
}

void qr_hooks(struct dl_port *p)
{
	p->qr_make = make;
	p->qr_module = module;
}
