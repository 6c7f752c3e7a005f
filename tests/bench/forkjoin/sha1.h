/* SPDX-License-Identifier: MIT */
/*
 * sha1.h - SHA-1 (FIPS 180-4) of up to 55 bytes: one block.
 */
#define SHA1_BYTES 20

static inline uint32_t
sha1_rotate(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

static inline void
sha1_put(unsigned char *to, uint32_t x)
{
	to[0] = (unsigned char)(x >> 24);
	to[1] = (unsigned char)(x >> 16);
	to[2] = (unsigned char)(x >> 8);
	to[3] = (unsigned char)x;
}

static inline uint32_t
sha1_get(const unsigned char *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 |
	       (uint32_t)from[2] << 8 | from[3];
}

struct sha1_state {
	uint32_t a, b, c, d, e;
};

/* One of 80 steps: f, a constant and a word of the message. */
static inline void
sha1_step(struct sha1_state *s, uint32_t f, uint32_t plus)
{
	uint32_t a = sha1_rotate(s->a, 5) + f + s->e + plus;

	s->e = s->d;
	s->d = s->c;
	s->c = sha1_rotate(s->b, 30);
	s->b = s->a;
	s->a = a;
}

static inline uint32_t
sha1_word(uint32_t *w, int i)
{
	if (i >= 16) {
		w[i & 15] = sha1_rotate(w[(i - 3) & 15] ^ w[(i - 8) & 15] ^
						w[(i - 14) & 15] ^ w[i & 15],
					1);
	}
	return w[i & 15];
}

/* digest may be the message. */
static void
sha1(const unsigned char *message, size_t bytes, unsigned char *digest)
{
	struct sha1_state s = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
				0xc3d2e1f0 };
	unsigned char block[64] = { 0 };
	uint32_t w[16];
	int i;

	memcpy(block, message, bytes);
	block[bytes] = 0x80;
	sha1_put(block + 60, (uint32_t)bytes * 8);
	for (i = 0; i < 16; i++) {
		w[i] = sha1_get(block + 4 * i);
	}
	for (i = 0; i < 20; i++) {
		sha1_step(&s, s.d ^ (s.b & (s.c ^ s.d)),
			  0x5a827999 + sha1_word(w, i));
	}
	for (; i < 40; i++) {
		sha1_step(&s, s.b ^ s.c ^ s.d, 0x6ed9eba1 + sha1_word(w, i));
	}
	for (; i < 60; i++) {
		sha1_step(&s, (s.b & s.c) | (s.d & (s.b | s.c)),
			  0x8f1bbcdc + sha1_word(w, i));
	}
	for (; i < 80; i++) {
		sha1_step(&s, s.b ^ s.c ^ s.d, 0xca62c1d6 + sha1_word(w, i));
	}
	sha1_put(digest, 0x67452301 + s.a);
	sha1_put(digest + 4, 0xefcdab89 + s.b);
	sha1_put(digest + 8, 0x98badcfe + s.c);
	sha1_put(digest + 12, 0x10325476 + s.d);
	sha1_put(digest + 16, 0xc3d2e1f0 + s.e);
}
