# SPDX-License-Identifier: Apache-2.0
# docs/directives.md says what the program does: syntax, what is accepted, default and context of
# each directive, and examples that httpd accepts.
use strict;
use warnings;
use FHIR::Test::Httpd;
use FHIR::Test::System qw(read_file source_dir);
use Test::More;

my $httpd = FHIR::Test::Httpd->new(endpoints => '');
is($httpd->check_config->{status}, 0, 'a configuration without endpoints is accepted');
my $dump = $httpd->check_config('-D', 'DUMP_FHIR_DIRECTIVES');
my @rows = map { [ split /\t/ ] } grep { /^FHIR/ } split /\n/, $dump->{out};
cmp_ok(scalar @rows, '>', 10, 'the program lists its directives');

my $text = read_file(source_dir() . '/docs/directives.md');
my ($intro, %entry) = split /^## (FHIR\w+)$/m, $text;
for my $row (@rows) {
    my ($name, $arguments, $default, $accepted, $context) = @$row;
    my %documented = ($entry{$name} // '') =~ /^\| (\w+) \| (.*) \|$/mg;
    s/\\\|/|/g, s/^`(.*)`$/$1/ for values %documented;
    is_deeply(\%documented, { Syntax => "$name $arguments", Accepted => $accepted,
            Default => $default, Context => $context }, "$name is documented as it is");
    like($entry{$name} // '', qr/^Security: \S/m, "$name has a security note");
    like($entry{$name} // '', qr/^```apache\n(?:.*\n)*?\s*$name /m, "$name has an example");
}
my %known = map { $_->[0] => 1 } @rows;
is(join(' ', grep { !$known{$_} } sort keys %entry), '', 'nothing else is documented');
is(join(' ', map { $_->[0] } @rows), join(' ', $text =~ /^## (FHIR\w+)$/mg), 'in the same order');

my $security = read_file(source_dir() . '/SECURITY.md');
is(join(' ', grep { /Max$/ && $security !~ /`$_`/ } sort keys %known), '', 'SECURITY.md names every limit');
my %tests = map { $_ => 1 } $security =~ m{`(t/[^\s`]+)}g;
cmp_ok(scalar keys %tests, '>', 25, 'SECURITY.md names tests');
is(join(' ', grep { my @files = glob source_dir() . "/$_"; !grep { -e } @files } sort keys %tests), '',
    '  which are there');

# docs/limits.md: the defaults of its tables are those of the program, and no limit is missing.
my %default = map { $_->[0] => $_->[2] } @rows;
my %unit = (K => 2**10, M => 2**20, G => 2**30, KB => 2**10, MB => 2**20, GB => 2**30, s => 1, min => 60, h => 3600,
    day => 86400, days => 86400, '%' => 1, '' => 1);
sub amount {
    my ($text) = @_;
    my ($n, $unit) = ($text // '') =~ /^([\d,]+) ?([A-Za-z%]*)$/ or return "not a number: " . ($text // '');
    return $n =~ tr/,//dr * ($unit{$unit} // return "no unit: $text");
}
my $limits = read_file(source_dir() . '/docs/limits.md');
my %told;
for my $row ($limits =~ /^\| ([^|]+ \| [^|]*`FHIR[^|]+ \| [^|]+) \|/mg) {
    my ($what, $directives, $defaults) = split / \| /, $row;
    my @names = $directives =~ /`(FHIR\w+)`/g;
    my @amounts = split /[;,] /, $defaults;
    next if $defaults !~ /^\d/; # a table of another kind
    for my $i (0 .. $#names) {
        $told{ $names[$i] } = 1;
        is(amount($amounts[$i]), amount($default{ $names[$i] }), "limits.md: $what, $names[$i]");
    }
}
is(join(' ', grep { /Max$|^FHIRClient|Timeout$|Share$|^FHIRLongWork[CT]|^FHIRConnections$/ and !$told{$_} }
    sort keys %known), '', 'limits.md has every limit');

# Examples: the first one as it stands, the others in a server that has the modules.
my @examples = $text =~ /^```apache\n(.*?)^```/msg;
cmp_ok(scalar @examples, '>=', scalar @rows, 'examples are found');
for my $example (@examples) {
    my ($named) = $example =~ /(FHIR\w+)/;
    my $server = $example =~ /^LoadModule/ ? FHIR::Test::Httpd->new(as_written => 1) : $httpd;
    $server->{endpoints} = $example;
    my $done = $server->check_config;
    is($done->{status}, 0, "example of $named") or diag("$example$done->{err}");
}

done_testing;
