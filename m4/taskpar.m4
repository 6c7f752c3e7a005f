dnl SPDX-License-Identifier: MIT

dnl TASKPAR_FLAG(FLAG, VARIABLE, ACTION): appends FLAG to VARIABLE if the
dnl compiler takes it without a word in ACTION (AC_COMPILE_IFELSE or _LINK_).
AC_DEFUN([TASKPAR_FLAG],
[AS_VAR_PUSHDEF([cache], [taskpar_cv_flag_$1])dnl
AC_CACHE_CHECK([whether $CC takes $1], [cache],
	[taskpar_flag_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $1"
	$3([AC_LANG_PROGRAM([], [])],
		[AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
	CFLAGS=$taskpar_flag_CFLAGS])
AS_VAR_IF([cache], [yes], [AS_VAR_APPEND([$2], [" $1"])])
AC_SUBST([$2])dnl
AS_VAR_POPDEF([cache])dnl
])

dnl TASKPAR_CFLAG(FLAG, VARIABLE), TASKPAR_LDFLAG(FLAG, VARIABLE)
AC_DEFUN([TASKPAR_CFLAG], [TASKPAR_FLAG([$1], [$2], [AC_COMPILE_IFELSE])])
AC_DEFUN([TASKPAR_LDFLAG], [TASKPAR_FLAG([$1], [$2], [AC_LINK_IFELSE])])

dnl TASKPAR_FROM_PREFIX(DIR): sets pc_DIR to DIR, from ${prefix} if it is below.
AC_DEFUN([TASKPAR_FROM_PREFIX],
[pc_$1=`AS_ECHO(["$$1"]) | $SED "s,^$prefix/,\\\${prefix}/,"`
AC_SUBST([pc_$1])dnl
])

dnl TASKPAR_OTHER_CC(VARIABLE, COMPILERS, FLAG): the first of COMPILERS that links
dnl a program with FLAG, or `no`.
AC_DEFUN([TASKPAR_OTHER_CC],
[$1=no
AC_LANG_CONFTEST([AC_LANG_PROGRAM([], [])])
for taskpar_cc in $2; do
	AS_IF([$taskpar_cc -O2 $3 -o conftest$EXEEXT conftest.c \
		>&AS_MESSAGE_LOG_FD 2>&1], [$1=$taskpar_cc; break])
done
rm -f conftest.c conftest$EXEEXT
])

dnl TASKPAR_FORTIFY: config.h defines _FORTIFY_SOURCE for files that are optimized,
dnl unless the user says something about it.
AC_DEFUN([TASKPAR_FORTIFY],
[AC_CACHE_CHECK([for the level of _FORTIFY_SOURCE], [taskpar_cv_fortify],
	[taskpar_cv_fortify=none
	taskpar_save_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -O2 -Werror"
	for level in 2 3; do
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[#undef _FORTIFY_SOURCE
			#define _FORTIFY_SOURCE $level
			#include <stdio.h>]], [])],
			[taskpar_cv_fortify=$level])
	done
	CFLAGS=$taskpar_save_CFLAGS
	AS_CASE(["$CC $CPPFLAGS $CFLAGS"],
		[*_FORTIFY_SOURCE*], [taskpar_cv_fortify="the user's"])])
AS_CASE([$taskpar_cv_fortify], [@<:@0-9@:>@],
	[FORTIFY=$taskpar_cv_fortify
	AC_DEFINE_UNQUOTED([TPI_FORTIFY], [$taskpar_cv_fortify],
		[The level of _FORTIFY_SOURCE.])])
])
