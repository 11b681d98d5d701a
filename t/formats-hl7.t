#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# HL7's small instances, good and bad (r4-test-cases.zip): each is accepted or refused as its
# manifest says, by the conversion and the check that every write passes.
use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Uncompress::Unzip qw($UnzipError);
use JSON::PP ();
use Test::More;

# What the manifest says and we do not do.
my %EXCEPTION = (
    'list-empty2.json'         => 'an empty array, which http://hl7.org/fhir/R4/json.html forbids',
    'code-wrong-system.xml'    => 'needs a terminology server',
    'code-wrong-system-vs.xml' => 'needs a terminology server',
    'qr.xml'                   => 'is wrong only by its questionnaire',
    'reference-bad.xml'        => 'is wrong only by the resource it refers to',
    'entry-resource-bad1.xml'  => 'is wrong, as its x-errors say: fullUrl and id differ',
);

my $src   = $ENV{FHIR_SRC}   || '.';
my $build = $ENV{FHIR_BUILD} || $src;
my $zip   = "$src/../shared/fhir/r4/r4-test-cases.zip";
plan skip_all => 'HL7\'s test cases are not beside the source tree' unless -f $zip;

my $dir = tempdir(CLEANUP => 1);
my $in  = IO::Uncompress::Unzip->new($zip) or die "$zip: $UnzipError";
do {
    if ($in->getHeaderInfo->{Name} =~ m{validation-examples[/\\]([^/\\]+\.(?:json|xml))$}) {
        local $/;
        open my $out, '>', "$dir/$1" or die $!;
        print {$out} <$in>;
        close $out;
    }
} while $in->nextStream > 0;

my $manifest = do { local $/; open my $f, '<', "$dir/manifest.json" or die $!; <$f> };
$manifest =~ s/\\'/'/g;    # no escape of JSON
my $tests = JSON::PP->new->decode($manifest)->{'validator-tests'};
my $seen = 0;
for my $kind (sort keys %$tests) {
    for my $file (sort keys %{ $tests->{$kind} }) {
        my $case = $tests->{$kind}{$file};
        my $release = ($case->{version} // '') eq '1.0.2' ? 'DSTU2' : 'R4';
        my @said = qx('$build/fhirctl' convert --check --release $release '$dir/$file' 2>&1 >'$dir/out');
        my $status = $? >> 8;
        my $wanted = $case->{errorCount} ? 1 : 0;
        $seen++;
        if ($EXCEPTION{$file}) {
            isnt $status, $wanted, "$file: an exception: $EXCEPTION{$file}";
            next;
        }
        is $status, $wanted, $file . ($wanted ? ' is refused' : ' is accepted') or diag @said;
        next unless $wanted;
        like join('', @said), qr/line \d+, column \d+|\Q$file\E: \w+[.:]/, "$file: and its place is told";
    }
}
cmp_ok $seen, '>', 90, 'all cases ran';
done_testing;
