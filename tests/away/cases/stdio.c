// SPDX-License-Identifier: GPL-2.0-only
/* The C library on top: streams, formats, allocation, sorting, conversion. */

#include "../away.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS 2000

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(void)
{
	char *word[WORDS], line[100], want[100];
	FILE *out, *in;
	double sum;
	int i;

	while (away_again()) {
		out = PTR(fopen("words", "w"));
		for (i = 0; i < WORDS; i++) {
			fprintf(out, "%016llx %d %.3f\n",
				(unsigned long long)away_mix(1, i), i, i / 8.0);
			if (i == WORDS / 2)
				away_point("with half of it in a buffer");
		}
		CHECK_EQ(fclose(out), 0);
		in = PTR(fopen("words", "r"));
		for (sum = 0, i = 0; i < WORDS; i++) {
			int number;
			double x;

			PTR(fgets(line, sizeof(line), in));
			snprintf(want, sizeof(want), "%016llx %d %.3f\n",
				 (unsigned long long)away_mix(1, i), i, i / 8.0);
			CHECK_STR(line, want);
			word[i] = PTR(strdup(line));
			CHECK_EQ(sscanf(line, "%*s %d %lf", &number, &x), 2);
			CHECK_EQ(number, i);
			sum += x;
			if (i == 300)
				away_point("in the middle of reading");
		}
		CHECK(!fgets(line, sizeof(line), in));
		CHECK(feof(in));
		fclose(in);
		CHECK(sum == WORDS * (WORDS - 1) / 16.0);
		qsort(word, WORDS, sizeof(*word), compare);
		for (i = 1; i < WORDS; i++)
			CHECK(strcmp(word[i - 1], word[i]) < 0);
		for (i = 0; i < WORDS; i++)
			free(word[i]);
	}
	return away_pass();
}
