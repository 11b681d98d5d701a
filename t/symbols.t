# SPDX-License-Identifier: Apache-2.0
# mod_fhir.so shares a process with all of httpd's modules: it exports its module record alone.
use strict;
use warnings;
use FHIR::Test::System qw(built run);
use Test::More;

my $done = run({}, 'nm', '-D', '--defined-only', built('.libs/mod_fhir.so'));
is($done->{status}, 0, 'nm reads the module');
# The sanitizers add symbols of their own.
my @names = grep { !/^__(?:asan|ubsan|odr|start|stop)_/ } $done->{out} =~ /^\S+ \w (\S+)$/mg;
is("@names", 'fhir_module', 'one exported symbol');

done_testing;
