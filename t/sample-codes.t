# SPDX-License-Identifier: Apache-2.0
# Every code that fhirctl sample writes is a fact: code system, code and display occur in HL7's
# definitions and examples, in US Core or in Synthea's data. Units are known UCUM codes.
use strict;
use warnings;
use FHIR::Test::System qw(built run source_dir work_dir);
use JSON::PP ();
use Test::More;

my $shared = source_dir() . '/../shared/fhir';
plan skip_all => 'HL7\'s definitions and examples are not beside the source tree' unless -d "$shared/us-core";

# { "system|code" => { display => 1 } }, collected as text: JSON is not decoded, for speed. A
# display stands near its code in the same object.
my (%wanted, %found);
my $ucum = 'http://unitsofmeasure.org';
my $done = run({}, built('fhirctl'), 'sample', '--patients', 60, '--as-of', '2026-11-20');
is($done->{status}, 0, 'fhirctl sample');
my $json = JSON::PP->new->utf8;
my $string = qr/"((?:[^"\\]|\\.)*)"/;

# Codings and quantities as the writer puts them: system, code, display in this order.
while ($done->{out} =~ /"system":$string,"code":$string(?:,"display":$string)?\}/g) {
    my ($system, $code, $display) = ($1, $2, $3);
    $wanted{"$system|$code"}{ $display // '' } = 1;
}
delete $wanted{$_} for grep { /^\Q$ucum\E/ } keys %wanted;
my %units = map { $_ => 1 } $done->{out} =~ /"system":"\Q$ucum\E","code":$string/g;
cmp_ok(scalar keys %wanted, '>', 250, 'codes are used');

# What stands in the same object as a code of a JSON text, as far as the next braces.
sub take {
    my ($text, $system) = @_;
    while ($text =~ /"code"\s*:\s*$string/g) {
        my ($code, $start) = ($1, $-[0]);
        my $before = substr $text, $start > 500 ? $start - 500 : 0, $start > 500 ? 500 : $start;
        $before =~ s/.*[{}]//s;
        my ($after) = $text =~ /\G((?:[^{}"]|$string)*)/g;
        my $object = $before . ($after // '');
        pos($text) = $start + 6;
        my ($own) = $object =~ /"system"\s*:\s*$string/;
        my ($display) = $object =~ /"(?:display|unit)"\s*:\s*$string/;
        my $in = $own // $system // next;
        next if !$wanted{"$in|$code"} && $in ne $ucum;
        $found{"$in|$code"}{ $json->allow_nonref->decode('"' . ($display // '') . '"') } = 1;
    }
    return;
}

# A CodeSystem's or ValueSet's concepts have their system outside.
sub take_resource {
    my ($text) = @_;
    if ($text =~ /"resourceType"\s*:\s*"CodeSystem"/) {
        my ($url) = $text =~ /"url"\s*:\s*$string,?\s*"(?:identifier|version|name)"/;
        ($url) = $text =~ /"url"\s*:\s*"(http[^"]*CodeSystem[^"]*|http[^"]*)"/ if !$url;
        take($text, $url);
    }
    elsif ($text =~ /"resourceType"\s*:\s*"ValueSet"/) {
        for my $part (split /(?="system"\s*:\s*"[^"]*",\s*(?:"version"\s*:\s*"[^"]*",\s*)?"concept")/, $text) {
            my ($url) = $part =~ /^"system"\s*:\s*$string/;
            take($part, $url);
        }
    }
    take($text);
    return;
}

my $dir = work_dir();
for my $package (glob "$shared/us-core/*.tgz") {
    run({}, 'sh', '-c', 'rm -rf "$1/package"; tar xzf "$0" -C "$1"', $package, $dir);
    for my $file (glob("$dir/package/{CodeSystem,ValueSet}-*.json"), glob("$dir/package/example/*.json")) {
        open my $in, '<:raw', $file or die "$file: $!";
        local $/;
        take_resource(scalar <$in>);
    }
}
for my $file (glob("$shared/r4/definitions/{valuesets,v3-codesystems,v2-tables}.json.gz"),
    glob("$shared/synthea-r4/*.json"), glob("$shared/synthea-r4-uscore/*.gz"),
    glob("$shared/bulk-10-patients/*.gz"), glob("$shared/r4/pairs/*.json")) {
    open my $in, '-|', 'gzip', '-dcf', $file or die "$file: $!";
    if ($file =~ m{/definitions/|bulk}) {
        take_resource($_) while <$in>;
    }
    else {
        local $/;
        take(scalar <$in>);
    }
    close $in;
}

my @unknown = grep { !$found{$_} } sort keys %wanted;
is(join("\n", @unknown), '', 'each code is known');
my @other;
for my $key (sort keys %wanted) {
    for my $display (sort keys %{ $wanted{$key} }) {
        push @other, "$key $display" if $display ne '' && !$found{$key}{ $json->allow_nonref->decode("\"$display\"") };
    }
}
is(join("\n", @other), '', 'each display is one that the sources have');
# UCUM lets any annotation in braces stand for the number 1.
is(join("\n", grep { !$found{"$ucum|$_"} && !/^\{[!-z|~]+\}$/ } sort keys %units), '', 'each unit is known');

done_testing;
