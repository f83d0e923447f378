// SPDX-License-Identifier: GPL-2.0-only
/* Rounding mode and exception flags of <fenv.h> hold for arithmetic after a move. */

#include "../away.h"

#include <fenv.h>
#include <float.h>
#include <math.h>

static volatile double one = 1, three = 3, zero, tiny = DBL_MIN;

static void check_mode(int mode, double want)
{
	CHECK_EQ(fegetround(), mode);
	CHECK((one / three) == want);
}

int main(void)
{
	double down, up;

	fesetround(FE_DOWNWARD);
	down = one / three;
	fesetround(FE_UPWARD);
	up = one / three;
	CHECK(down < up);
	while (away_again()) {
		volatile double x;

		fesetround(FE_DOWNWARD);
		feclearexcept(FE_ALL_EXCEPT);
		x = one / zero;
		away_point("rounding down, after a division by zero");
		CHECK_EQ(fetestexcept(FE_ALL_EXCEPT), FE_DIVBYZERO);
		check_mode(FE_DOWNWARD, down);
		CHECK(isinf(x));

		fesetround(FE_UPWARD);
		feclearexcept(FE_ALL_EXCEPT);
		x = tiny * tiny;
		away_point("rounding up, after an underflow");
		CHECK_EQ(fetestexcept(FE_ALL_EXCEPT), FE_UNDERFLOW | FE_INEXACT);
		check_mode(FE_UPWARD, up);
		CHECK(x > 0);
	}
	return away_pass();
}
