# SPDX-License-Identifier: Apache-2.0
# Each parameter that metadata declares for a large table, asked across the practice: a page, the page behind it, and
# the number of matches, with values that many rows have, few, and none. What costs more CPU time than it may is listed.
package Parameters;

use strict;
use warnings;
use Bench;
use FHIR::Test::Buffers;
use List::Util qw(min);
use POSIX ();

# CPU ms of httpd and PostgreSQL; a count may have so many matches, a page any number.
my %MOST = (page => 20, 'page two' => 20, count => 25);
my $COUNTED = 10_000;

# Nanoseconds that the server's processes have run.
sub ran {
    my $sum = 0;
    for my $file (map { glob "/proc/$_/task/*/schedstat" } map { below($_) } $httpd->{pid}, postmaster()) {
        open my $in, '<', $file or next;
        $sum += (split ' ', <$in> // 0)[0] // 0;
    }
    return $sum;
}

sub below {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/task/$pid/children" or return ();
    return map { ($_, below($_)) } split ' ', <$in> // '';
}

# The answer, and the least of three times that it took, in CPU ms. Other processes of the cluster are idle.
sub timed {
    my ($path) = @_;
    my ($answer, @ms);
    for (1 .. 3) {
        my $before = ran();
        $answer = $httpd->get($path);
        push @ms, (ran() - $before) / 1e6;
    }
    return ($answer, min(@ms));
}

# The columns of a table: name => type.
sub columns {
    my ($tenant, $table) = @_;
    return { map { split /\|/ } split /\n/, sql("SELECT column_name, data_type FROM information_schema.columns
        WHERE table_schema = '$tenant' AND table_name = '$table'", $tenant) };
}

# Of all values of an expression that most rows have, but not more than are counted, and that fewest have.
sub many_and_few {
    my ($tenant, $table, $expr) = @_;
    my @values = split /\n/, sql(qq{WITH v AS MATERIALIZED (SELECT v, count(*) n FROM (SELECT $expr v FROM "$table") e
        WHERE v <> '' AND v !~ E'[,\$\\\\\\n]' GROUP BY 1)
        (SELECT fhir_full(v) FROM v WHERE n <= $COUNTED ORDER BY n DESC, v LIMIT 1) UNION ALL
        (SELECT fhir_full(v) FROM v ORDER BY n, v LIMIT 1)}, $tenant);
    return @values;
}

# The 5,000th and the third of an ordered column from its end.
sub near_the_end {
    my ($tenant, $table, $column) = @_;
    return map { sql(qq{SELECT $column FROM "$table" WHERE $column IS NOT NULL AND ${column}::text !~ 'inf'
        ORDER BY $column DESC OFFSET least($_, (SELECT count($column) / 2 FROM "$table")) LIMIT 1}, $tenant) } 5000, 2;
}

# [ how many, value ] of a parameter; none if the table has no values of it.
sub values_of {
    my ($tenant, $table, $columns, $param) = @_;
    my $column = $param->{name} =~ s/^_/meta_/r =~ tr/-/_/r;
    ($column) = grep { $columns->{$_} || $columns->{"${_}_low"} } $column, "${column}_$param->{type}";
    return unless $column;
    my $is_array = ($columns->{$column} // $columns->{"${column}_low"}) eq 'ARRAY';
    my $of = sub { $is_array ? "unnest($_[0])" : $_[0] };
    my $none = 'none-of-it';
    my @values;
    if ($param->{type} =~ /^(?:token|reference|uri)$/) { @values = many_and_few($tenant, $table, $of->($column)) }
    elsif ($param->{type} eq 'string') {
        @values = map { /^\s*(\w{3,})/ ? $1 : () }
            many_and_few($tenant, $table, "split_part($column, E'\\n', 2)");
    }
    elsif ($param->{type} =~ /^(?:date|number|quantity)$/) {
        @values = map { s/ /T/r =~ s/\+00$/Z/r } map { "gt$_" } grep { length }
            $is_array ? () : near_the_end($tenant, $table, "${column}_low");
        $none = $param->{type} eq 'date' ? 'sa2101' : 'gt987654321';
    }
    my @names = ('many', 'few');
    return @values ? ((map { [ shift @names, $_ ] } @values[ 0, -1 ]), [ none => $none ]) : ();
}

# A parameter with a value: what misses, as text.
sub misses {
    my ($base, $type, $param, $value) = @_;
    my $name = $param->{name} . '=' . FHIR::Test::Costly::escape(FHIR::Test::Costly::word($value->[1]));
    my @found;
    my $see = sub {
        my ($form, $path) = @_;
        my ($answer, $ms) = timed($path);
        my $json = $answer->status == 200 ? $answer->json : {};
        my $limit = $form =~ /page/ ? $MOST{$form} : ($json->{total} // 0) > $COUNTED ? undef : $MOST{count};
        push @found, sprintf '%-10s %-5s %-9s %6.1f ms %s', $type, $value->[0], $form, $ms,
            $answer->status == 200 ? "$name: " . ($json->{total} // 'many') : "$name: " . $answer->status
            if $answer->status != 200 || defined $limit && $ms > $limit;
        return $json;
    };
    my $page = $see->(page => "$base/$type?$name&_count=20");
    my ($next) = map { $_->{url} =~ s{^http://[^/]+}{}r } grep { $_->{relation} eq 'next' } @{ $page->{link} || [] };
    $see->('page two' => $next) if $next;
    $see->($_ => "$base/$type?$name&$_&_count=20") for '_summary=count', '_total=accurate';
    return @found;
}

sub bench {
    my $tenant = tenant((populations())[-1]);
    my $base = "/$tenant/r4";
    my $buffers = FHIR::Test::Buffers->new(httpd => $httpd, base => $base, seed => $option{seed},
        sql => sub { sql($_[0], $tenant) });
    my ($asked, $valueless, @misses) = (0, 0);
    for my $type (@{ $buffers->{types} }) {
        my $columns = columns($tenant, lc $type);
        for my $param ($buffers->params($type)) {
            my @values = values_of($tenant, lc $type, $columns, $param) or $valueless++;
            $asked += @values;
            push @misses, map { misses($base, $type, $param, $_) } @values;
        }
    }
    printf "%-16s %d values of the parameters of %s (%d have none in the data): %d miss\n", 'parameters', $asked,
        join(', ', @{ $buffers->{types} }), $valueless, scalar @misses;
    print "$_\n" for @misses;
    return;
}

1;
