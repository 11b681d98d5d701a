dnl SPDX-License-Identifier: Apache-2.0

dnl FHIR_NEED(VARIABLE, pkg-config condition, Debian package): collects what is missing
AC_DEFUN([FHIR_NEED],
    [PKG_CHECK_MODULES([$1], [$2], [], [fhir_missing="$fhir_missing
    $2: Debian package $3"])])

dnl FHIR_KIND(NAME, help, shell commands when enabled): a kind of build, --enable-NAME
AC_DEFUN([FHIR_KIND],
    [AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])], [], [enable_$1=no])
     AS_IF([test "$enable_$1" = yes], [$3])])

dnl FHIR_HARDEN(VARIABLE, flags): appends them when compiler and linker take them without a warning
AC_DEFUN([FHIR_HARDEN],
    [AC_MSG_CHECKING([whether $CC takes $2])
     fhir_save=$CFLAGS
     CFLAGS="$CFLAGS -Werror $2"
     AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <string.h>]],
             [[char text[8]; return (int)strlen(strcpy(text, "a")) - 1;]])],
         [AC_MSG_RESULT([yes])
          $1="$$1 $2"],
         [AC_MSG_RESULT([no])])
     CFLAGS=$fhir_save])
