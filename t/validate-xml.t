#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Second opinions on XML and JSON: HL7's schema on single faults (ours may be stricter, never looser),
# and HL7's test cases of good and bad instances (r4-test-cases.zip).
use strict;
use warnings;
use File::Basename qw(basename);
use FHIR::Test::System qw(built read_file run source_dir work_dir write_file);
use IO::Uncompress::Unzip qw($UnzipError);
use Test::More;

my $r4 = source_dir() . '/../shared/fhir/r4';
plan skip_all => 'HL7\'s examples and schema are not beside the source tree' unless -d "$r4/xsd";

# Files with an error, as a set of names without folder.
sub refused {
    my (@arguments) = @_;
    my %bad;
    my $done = run({}, built('fhirctl'), 'validate', '--quiet', @arguments);
    /([^\/]+):\d+:\d+: error (\S+)/ and $bad{$1} ||= $2 for split /\n/, $done->{out};
    return \%bad;
}

# ---- single faults in XML ----

# Lines outside of the narrative that are a whole element with a value.
sub leaves {
    my ($lines) = @_;
    my ($inside, @found) = (0);
    for my $i (0 .. $#$lines) {
        $inside = 1 if $lines->[$i] =~ /<div\b/;
        push @found, $i if !$inside && $lines->[$i] =~ m{^\s*<\w+ value="[^"]*"/>\s*$};
        $inside = 0 if $lines->[$i] =~ m{</div>};
    }
    return @found;
}

my %FAULTS = (
    drop      => sub { my ($lines, $i) = @_; splice @$lines, $i, 1; return },
    double    => sub { my ($lines, $i) = @_; splice @$lines, $i, 0, $lines->[$i]; return },
    rename    => sub { my ($lines, $i) = @_; $lines->[$i] =~ s/<\w+/<nothing/; return },
    value     => sub { my ($lines, $i) = @_; $lines->[$i] =~ s/value="[^"]*"/value=" %%  "/; return },
    empty     => sub { my ($lines, $i) = @_; $lines->[$i] =~ s/value="[^"]*"/value=""/; return },
    attribute => sub { my ($lines, $i) = @_; $lines->[$i] =~ s/value=/other="1" value=/; return },
    bare      => sub { my ($lines, $i) = @_; $lines->[$i] =~ s/ value="[^"]*"//; return },
    swap      => sub { my ($lines, $i) = @_; @$lines[ $i, $i + 1 ] = @$lines[ $i + 1, $i ]; return },
    text      => sub { my ($lines, $i) = @_; $lines->[$i] .= "x\n"; return },
);

my $folder = work_dir() . '/faults';
mkdir $folder;
my ($n, $turn, @made) = (0, 0);
for my $file (glob "$r4/pairs/*.xml") {
    my @lines = split /^/, read_file($file);
    my @leaves = leaves(\@lines) or next;
    for my $name (sort keys %FAULTS) {
        my @copy = @lines;
        $turn = ($turn * 1103515245 + 12345) % 2**31;    # another leaf each time, the same in each run
        $FAULTS{$name}->(\@copy, $leaves[ ($turn >> 8) % @leaves ]);
        my $to = sprintf '%s/%s-%s', $folder, $name, basename($file);
        write_file($to, join '', @copy);
        push @made, $to;
    }
}
cmp_ok(scalar @made, '>', 2500, 'faults were made');

SKIP: {
    my @xmllint = grep { -x } map { "$_/xmllint" } split /:/, $ENV{PATH};
    skip 'no xmllint (libxml2-utils)', 2 unless @xmllint;
    my $done = run({}, $xmllint[0], '--noout', '--nonet', '--schema', "$r4/xsd/fhir-single.xsd", @made);
    my %schema = map { m{([^/]+\.xml) fails to validate} ? ($1 => 1) : () } split /\n/, $done->{err};
    $schema{$1} = 1 while $done->{err} =~ m{([^/\n]+\.xml):\d+: parser error}g;
    my $ours = refused('--level', 'structure', @made);
    cmp_ok(scalar keys %schema, '>', 1500, 'the schema refuses most of them');
    my @looser = grep { !$ours->{$_} } sort keys %schema;
    is("@looser", '', 'what the schema refuses is refused');
    note scalar(keys %$ours) . ' refused, ' . scalar(keys %schema) . ' by the schema, of ' . @made;
}

# ---- HL7's test cases ----

# Ours is stricter, or it needs what is not here.
my %OTHERWISE = (
    'list-empty2.json'       => 'an empty array: the JSON format says that arrays are not empty',
    'entry-resource-bad1.xml' => 'fullUrl and id differ',
    'code-wrong-system.xml'    => 'needs a terminology server',
    'code-wrong-system-vs.xml' => 'needs a terminology server',
    'reference-bad.xml'        => 'needs a server on which the reference does not resolve',
    'uk-nhs-pat.xml'           => 'DSTU2',
    'qr.xml'                   => 'an answer against its Questionnaire',
);
my $in = IO::Uncompress::Unzip->new("$r4/r4-test-cases.zip") or die $UnzipError;
my %files;
do {
    my $name = basename($in->getHeaderInfo->{Name} =~ tr{\\}{/}r);
    local $/;
    $files{$name} = <$in>;
} while $in->nextStream > 0;
my $cases = work_dir() . '/cases';
mkdir $cases;
my %due;
while ($files{'manifest.json'} =~ /"([\w-]+\.(?:json|xml))"\s*:\s*\{([^{}]*?)"errorCount"\s*:\s*(\d+)/g) {
    my ($name, $before, $errors) = ($1, $2, $3);
    next unless defined $files{$name};
    next if $before =~ /profile/;
    write_file("$cases/$name", $files{$name});
    $due{$name} = $errors ? 'refused' : 'accepted';
}
my $bad = refused(map { "$cases/$_" } sort keys %due);
cmp_ok(scalar(grep { $_ eq 'refused' } values %due), '>', 40, 'bad instances');
cmp_ok(scalar(grep { $_ eq 'accepted' } values %due), '>', 25, 'good instances');
for my $name (sort keys %due) {
    next if $OTHERWISE{$name};
    is($bad->{$name} ? 'refused' : 'accepted', $due{$name}, $name) or diag $bad->{$name} || '';
}
done_testing;
