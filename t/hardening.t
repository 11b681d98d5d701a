# SPDX-License-Identifier: Apache-2.0
# What a build with the default flags carries against memory errors, read from the module and fhirctl.
use strict;
use warnings;
use FHIR::Test::System qw(build_dir read_file run);
use Test::More;

my $build = build_dir();
my ($cflags, $ldflags) = map { read_file("$build/Makefile") =~ /^$_ = ?(.*)$/m ? $1 : '' } qw(FHIR_CFLAGS FHIR_LDFLAGS);
plan skip_all => 'this build has sanitizers, or --disable-hardening' if "$cflags$ldflags" !~ /stack-protector|-z,now/;
plan skip_all => 'readelf is not there' if run({}, 'readelf', '--version')->{status};

for my $file ("$build/.libs/mod_fhir.so", "$build/fhirctl") {
    my $name = $file =~ s{.*/}{}r;
    my $read = run({}, 'readelf', '--wide', '--dynamic', '--program-headers', '--notes', '--dyn-syms', $file)->{out};
    like($read, qr/GNU_RELRO/, "$name: tables are read-only once it is loaded");
    like($read, qr/\bBIND_NOW\b|FLAGS_1.*\bNOW\b/, '  which is when all calls are bound');
    unlike($read, qr/GNU_STACK\s.*\bRWE\b/, '  no stack can be run');
    like($read, qr/__stack_chk_fail/, '  frames are guarded') if $cflags =~ /stack-protector/;
    like($read, qr/__\w+_chk\b/, '  copies know their room') if $cflags =~ /FORTIFY/;
}

done_testing;
