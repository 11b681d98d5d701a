#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# HL7's own JSON Patch, XML Patch and FHIRPath Patch cases (r4-test-cases.zip), run by the unit tests'
# programs.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Uncompress::Unzip qw($UnzipError);
use Test::More;

my $src   = $ENV{FHIR_SRC}   || '.';
my $build = $ENV{FHIR_BUILD} || $src;
my $zip   = "$src/../shared/fhir/r4/r4-test-cases.zip";
plan skip_all => 'HL7\'s test cases are not beside the source tree' unless -f $zip;

my $dir   = tempdir(CLEANUP => 1);
my %found = ();
my $in    = IO::Uncompress::Unzip->new($zip) or die "$zip: $UnzipError";
do {
    my $name = $in->getHeaderInfo->{Name};
    if ($name =~ /(json|xml)-patch-tests\.\1$/ || $name =~ /fhir-(path)-tests\.xml$/) {
        local $/;
        $found{$1} = "$dir/$1";
        open my $out, '>', $found{$1} or die $!;
        print {$out} <$in>;
        close $out;
    }
} while $in->nextStream > 0;

for my $kind (qw(json xml)) {
    ok $found{$kind}, "the archive holds the $kind cases" or next;
    my @lines = qx('$build/t/unit/patch_test' $kind '$found{$kind}');
    is $?, 0, "all $kind cases hold" or diag grep { !/^ok/ } @lines;
    cmp_ok scalar(grep { /^ok/ } @lines), '>', 15, "$kind cases ran";
}
ok $found{path}, 'the archive holds the FHIRPath Patch cases';
my @lines = qx('$build/t/unit/patch_path_test' '$found{path}');
is $?, 0, 'all FHIRPath Patch cases hold' or diag grep { !/^ok/ } @lines;
cmp_ok scalar(grep { /^ok/ } @lines), '>', 150, 'FHIRPath Patch cases ran';
done_testing;
